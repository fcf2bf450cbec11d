//! Dates, date-times and times as FHIR writes them, with their precision.

use std::cmp::Ordering;

/// A moment as precise as it was written: each part that is given narrows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Year, month, day, hour, minute, second; those not given are 0.
    parts: [i64; 6],
    /// How many parts are given.
    given: usize,
    /// Nanoseconds, and how many digits were written.
    fraction: (u32, usize),
    /// Minutes east of Greenwich.
    offset: Option<i64>,
}

const YEAR: usize = 1;
const MONTH: usize = 2;
const DAY: usize = 3;
const MINUTE: usize = 5;
const SECOND: usize = 6;

fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let head = text.get(..count)?;
    if !head.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((head.parse().ok()?, text.get(count..)?))
}

impl Moment {
    /// A date or date-time: `2015`, `2015-02`, `2015-02-07`, `2015-02-07T13:28:17.239+02:00`.
    pub(crate) fn date_time(text: &str) -> Option<Self> {
        let mut moment = Self {
            parts: [0; 6],
            given: YEAR,
            fraction: (0, 0),
            offset: None,
        };
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let (year, mut rest) = digits(date, 4)?;
        moment.parts[0] = year;
        for (given, part) in [(MONTH, 1_usize), (DAY, 2)] {
            if rest.is_empty() {
                break;
            }
            let (number, behind) = digits(rest.strip_prefix('-')?, 2)?;
            moment.parts[part] = number;
            moment.given = given;
            rest = behind;
        }
        if !rest.is_empty() {
            return None;
        }
        let month = moment.parts[1];
        if moment.given >= MONTH && !(1..=12).contains(&month)
            || moment.given >= DAY && !(1..=days(year, month)).contains(&moment.parts[2])
        {
            return None;
        }
        if let Some(time) = time {
            if moment.given < DAY {
                return None;
            }
            let (clock, offset) = split_offset(time)?;
            moment.offset = offset;
            moment.clock(clock)?;
        }
        Some(moment)
    }

    /// A time of a day: `12:34`, `12:34:00.5`.
    pub(crate) fn time(text: &str) -> Option<Self> {
        let mut moment = Self {
            parts: [0; 6],
            given: DAY,
            fraction: (0, 0),
            offset: None,
        };
        moment.clock(text)?;
        Some(moment)
    }

    fn clock(&mut self, text: &str) -> Option<()> {
        let (hour, mut rest) = digits(text, 2)?;
        self.parts[3] = hour;
        self.given = DAY + 1;
        for (given, part) in [(MINUTE, 4_usize), (SECOND, 5)] {
            if rest.is_empty() {
                break;
            }
            let (number, behind) = digits(rest.strip_prefix(':')?, 2)?;
            self.parts[part] = number;
            self.given = given;
            rest = behind;
        }
        if !rest.is_empty() {
            let fraction = rest.strip_prefix('.')?;
            if self.given < SECOND || fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            self.fraction = (nanoseconds.parse().ok()?, fraction.len());
        }
        // 60 is a leap second.
        (hour <= 23 && self.parts[4] <= 59 && self.parts[5] <= 60).then_some(())
    }

    /// Whether a time of day is given.
    pub(crate) fn has_time(&self) -> bool {
        self.given > DAY
    }

    /// The moment in UTC, if its offset is given; a date stays as it is.
    fn in_utc(self) -> Self {
        let Some(offset) = self.offset.filter(|&offset| offset != 0) else {
            return self;
        };
        let [year, month, day, hour, minute, second] = self.parts;
        let minutes = hour * 60 + minute - offset;
        let (year, month, day) = civil(day_number(year, month, day) + minutes.div_euclid(1440));
        let minutes = minutes.rem_euclid(1440);
        Self {
            parts: [year, month, day, minutes / 60, minutes % 60, second],
            offset: Some(0),
            ..self
        }
    }

    /// How two moments stand to each other; none where one is not precise enough to tell.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        // Which of them is first cannot be told if only one says where it is.
        if self.offset.is_some() != other.offset.is_some() && self.has_time() && other.has_time() {
            return None;
        }
        let (left, right) = (self.in_utc(), other.in_utc());
        let shared = left.given.min(right.given);
        for (a, b) in left.parts.iter().zip(right.parts).take(shared) {
            match a.cmp(&b) {
                Ordering::Equal => {}
                unequal => return Some(unequal),
            }
        }
        if left.given != right.given {
            return None;
        }
        Some(left.fraction.0.cmp(&right.fraction.0))
    }

    /// The earliest or latest date it may be, with `digits` of precision: 4, 6 or 8.
    pub(crate) fn date_boundary(self, high: bool, digits: usize) -> Option<String> {
        let [year, month, day] = self.bounds(high);
        Some(match digits {
            4 => format!("{year:04}"),
            6 => format!("{year:04}-{month:02}"),
            8 => format!("{year:04}-{month:02}-{day:02}"),
            _ => return None,
        })
    }

    fn bounds(self, high: bool) -> [i64; 3] {
        let [year, month, day, ..] = self.parts;
        let month = match self.given {
            YEAR if high => 12,
            YEAR => 1,
            _ => month,
        };
        let day = match self.given {
            YEAR | MONTH if high => days(year, month),
            YEAR | MONTH => 1,
            _ => day,
        };
        [year, month, day]
    }

    /// The earliest or latest date-time it may be, with `digits` of precision: 4 for a year up to 17 for milliseconds.
    /// Without an offset it may be anywhere.
    pub(crate) fn date_time_boundary(self, high: bool, digits: usize) -> Option<String> {
        if digits <= 8 {
            return self.date_boundary(high, digits);
        }
        let date = self.date_boundary(high, 8)?;
        // An hour alone is its first minute: FHIR's date-times have minutes, and so the official tests take it.
        let minutes = Self {
            given: if self.given == DAY + 1 { MINUTE } else { self.given },
            ..self
        };
        let clock = minutes.time_boundary(high, digits.checked_sub(8)?)?;
        let offset = match self.offset {
            Some(0) => "Z".to_owned(),
            Some(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
            None if high => "-12:00".to_owned(),
            None => "+14:00".to_owned(),
        };
        Some(format!("{date}T{clock}{offset}"))
    }

    /// The earliest or latest time of day it may be, with `digits` of precision: 2, 4, 6 or 9.
    pub(crate) fn time_boundary(self, high: bool, digits: usize) -> Option<String> {
        let [_, _, _, hour, minute, second] = self.parts;
        let part = |given: usize, number: i64, most: i64| match self.given >= given {
            true => number,
            false if high => most,
            false => 0,
        };
        let hour = part(DAY + 1, hour, 23);
        let minute = part(MINUTE, minute, 59);
        let second = part(SECOND, second, 59);
        let (nanoseconds, written) = self.fraction;
        let known = i64::from(nanoseconds / 1_000_000);
        let milliseconds = match (high, written) {
            (true, 0) => 999,
            (true, 1) => known + 99,
            (true, 2) => known + 9,
            _ => known,
        };
        Some(match digits {
            2 => format!("{hour:02}"),
            4 => format!("{hour:02}:{minute:02}"),
            6 => format!("{hour:02}:{minute:02}:{second:02}"),
            9 => format!("{hour:02}:{minute:02}:{second:02}.{milliseconds:03}"),
            _ => return None,
        })
    }

    /// Days since 1970-01-01, of a full date.
    pub(crate) fn days(self) -> Option<i64> {
        let [year, month, day, ..] = self.parts;
        (self.given >= DAY).then(|| day_number(year, month, day))
    }

    /// Microseconds since 1970-01-01 in UTC, of a date-time with seconds and an offset.
    pub(crate) fn microseconds(self) -> Option<i64> {
        self.offset?;
        let utc = self.in_utc();
        (utc.given >= SECOND).then(|| utc.days().map(|days| days * 86_400_000_000 + utc.of_day()))?
    }

    /// Microseconds since midnight.
    pub(crate) fn of_day(self) -> i64 {
        let [_, _, _, hour, minute, second] = self.parts;
        ((hour * 60 + minute) * 60 + second) * 1_000_000 + i64::from(self.fraction.0 / 1_000)
    }
}

/// An instant in UTC, of seconds and milliseconds since 1970-01-01.
#[cfg(feature = "serve")]
pub(crate) fn instant(seconds: u64, milliseconds: u32) -> String {
    let (days, second) = ((seconds / 86_400).cast_signed(), seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{milliseconds:03}Z",
        second % 60
    )
}

/// Clock and offset of the text behind `T`.
fn split_offset(time: &str) -> Option<(&str, Option<i64>)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, Some(0)));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, None));
    };
    let (clock, offset) = time.split_at(at);
    let (hours, rest) = digits(offset.get(1..)?, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
    if !rest.is_empty() || hours > 14 || minutes > 59 {
        return None;
    }
    let minutes = hours * 60 + minutes;
    Some((
        clock,
        Some(if offset.starts_with('-') {
            -minutes
        } else {
            minutes
        }),
    ))
}

fn days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years are counted from March, so that a leap day is the last day of its year.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_compare_as_far_as_both_are_precise() {
        for (left, right, expected) in [
            ("2015", "2016", Some(Ordering::Less)),
            ("2015", "2015-02", None),
            ("2015-02", "2015-02", Some(Ordering::Equal)),
            (
                "2015-02-07T13:28:17+02:00",
                "2015-02-07T11:28:17Z",
                Some(Ordering::Equal),
            ),
            (
                "2015-01-01T00:30:00+02:00",
                "2014-12-31T22:30:00.001Z",
                Some(Ordering::Less),
            ),
            ("2015-02-07T13:28:17", "2015-02-07T11:28:17Z", None),
            ("2015-02-08", "2015-02-07T11:28:17Z", Some(Ordering::Greater)),
        ] {
            let (left, right) = (Moment::date_time(left), Moment::date_time(right));
            let compared = left.expect("a moment").compare(right.expect("a moment"));
            assert_eq!(compared, expected, "{left:?} {right:?}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "15",
            "2015-13",
            "2015-02-29",
            "2015-02-07T25:00",
            "2015-02-07T12:00+2",
            "2015-02T10:00",
        ] {
            assert_eq!(Moment::date_time(text), None, "{text}");
        }
        for text in ["", "1", "12:60", "12:00:00.", "T12:00"] {
            assert_eq!(Moment::time(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for days in (-800_000..800_000).step_by(37) {
            let (year, month, day) = civil(days);
            assert_eq!(day_number(year, month, day), days);
        }
        assert_eq!(day_number(2000, 3, 1), 11_017);
    }
}
