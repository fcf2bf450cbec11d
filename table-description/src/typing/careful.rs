//! The careful parsers: every spelling that is accepted, taken part by part.
//!
//! They are the fallback of the fixed-position parsers and, with a zone that has no table, the oracle of their
//! differential test.

use super::{
    DateTime, DefectKind, Precision, Zone, calendar,
    scan::{Scan, refusal},
};

/// The largest offset from UTC FHIR can write: 14 hours, in seconds.
pub(super) const MAX_OFFSET: i64 = 14 * 3600;

pub(crate) fn date(text: &str) -> Result<(i32, Precision), DefectKind> {
    let text = text.trim_ascii();
    if let Some(kind) = refusal(text) {
        return Err(kind);
    }
    let mut scan = Scan::new(text);
    let day = Day::take(&mut scan).ok_or(DefectKind::NotADate)?;
    // Only a full date may be followed: by a time of day, which is cut off whatever it says, or by an offset as XML
    // Schema's dates have. Neither moves the day.
    let full = day.precision == Precision::Day;
    let cut = full && (scan.eat(b"Tt ").is_some() || take_offset(&mut scan).is_some_and(|_| scan.is_done()));
    if !cut && !scan.is_done() {
        return Err(DefectKind::NotADate);
    }
    Ok((day.days()?, day.precision))
}

pub(crate) fn datetime(text: &str, zone: &Zone) -> Result<DateTime, DefectKind> {
    let text = text.trim_ascii();
    if let Some(kind) = refusal(text) {
        return Err(kind);
    }
    let written = Written::take(&mut Scan::new(text)).ok_or(DefectKind::NotADateTime)?;
    let midnight = i64::from(written.day.days()?) * calendar::SECONDS_PER_DAY;
    let (seconds, micros) = match &written.clock {
        Some(clock) => (clock.seconds()?, clock.micros),
        None => (0, 0),
    };
    let precision = written
        .clock
        .as_ref()
        .map_or(written.day.precision, |clock| clock.precision);
    let local = midnight + seconds;
    let (wall, shifted) = match written.offset {
        Some(offset) => (zone.wall(local - offset), false),
        None => {
            let moved = out_of_gap(zone.instant(local).moved, local, micros);
            (local + moved, moved != 0)
        }
    };
    if !(calendar::FIRST_DAY..=calendar::LAST_DAY).contains(&wall.div_euclid(calendar::SECONDS_PER_DAY)) {
        return Err(DefectKind::OutOfRange);
    }
    let micros = wall * calendar::MICROS_PER_SECOND + i64::from(micros);
    Ok(DateTime {
        micros,
        precision,
        shifted,
    })
}

/// By how many seconds a wall time without an offset is moved: what the zone says, but nothing for midnight.
///
/// Midnight stands for the day, whether it is written (`1893-04-01 00:00:00`, as SQL has it) or not (`1893-04-01`): moved,
/// the same value would read differently each time it is written and read again.
#[inline]
pub(super) const fn out_of_gap(moved: i64, wall: i64, fraction: u32) -> i64 {
    if moved != 0 && fraction == 0 && wall.rem_euclid(calendar::SECONDS_PER_DAY) == 0 {
        0
    } else {
        moved
    }
}

pub(crate) fn time(text: &str) -> Result<i64, DefectKind> {
    let text = text.trim_ascii();
    if let Some(kind) = refusal(text) {
        return Err(kind);
    }
    let clock = Clock::take(&mut Scan::new(text)).ok_or(DefectKind::NotATime)?;
    if clock.precision != Precision::Second {
        return Err(DefectKind::NotATime);
    }
    let seconds = clock.seconds()?;
    let micros = seconds * calendar::MICROS_PER_SECOND + i64::from(clock.micros);
    // Second 60 of the last minute of the day may carry a fraction past midnight, which no time of day has.
    if micros > calendar::SECONDS_PER_DAY * calendar::MICROS_PER_SECOND {
        return Err(DefectKind::NoSuchTime);
    }
    Ok(micros)
}

/// A date-time's parts as they stand in the text.
struct Written {
    day: Day,
    clock: Option<Clock>,
    offset: Option<i64>,
}

impl Written {
    fn take(scan: &mut Scan<'_>) -> Option<Self> {
        let day = Day::take(scan)?;
        let mut clock = None;
        let mut offset = None;
        if day.precision == Precision::Day {
            if scan.eat(b"Tt ").is_some() {
                clock = Some(Clock::take(scan)?);
            }
            if !scan.is_done() {
                offset = Some(take_offset(scan)?);
            }
        }
        scan.is_done().then_some(Self { day, clock, offset })
    }
}

/// `Z`, `±hh:mm`, `±hhmm` or `±hh` as seconds east of UTC.
fn take_offset(scan: &mut Scan<'_>) -> Option<i64> {
    if scan.eat(b"Zz").is_some() {
        return Some(0);
    }
    let sign = scan.eat(b"+-")?;
    let hours = scan.number(2, 2)?;
    let minutes = if scan.eat(b":").is_some() || scan.peek_digit() {
        scan.number(2, 2)?
    } else {
        0
    };
    let seconds = i64::from(hours * 3600 + minutes * 60);
    if minutes > 59 || seconds > MAX_OFFSET {
        return None;
    }
    Some(if sign == b'-' { -seconds } else { seconds })
}

/// `YYYY[-M[-D]]`, `YYYY[/M[/D]]` or `YYYYMMDD`.
struct Day {
    year: u32,
    month: u32,
    day: u32,
    precision: Precision,
}

impl Day {
    fn take(scan: &mut Scan<'_>) -> Option<Self> {
        let year = scan.number(4, 4)?;
        if scan.peek_digit() {
            let (month, day) = (scan.number(2, 2)?, scan.number(2, 2)?);
            return Some(Self {
                year,
                month,
                day,
                precision: Precision::Day,
            });
        }
        let Some(separator) = scan.eat(b"-/") else {
            return Some(Self {
                year,
                month: 1,
                day: 1,
                precision: Precision::Year,
            });
        };
        let month = scan.number(1, 2)?;
        if scan.eat(&[separator]).is_none() {
            return Some(Self {
                year,
                month,
                day: 1,
                precision: Precision::Month,
            });
        }
        Some(Self {
            year,
            month,
            day: scan.number(1, 2)?,
            precision: Precision::Day,
        })
    }

    fn days(&self) -> Result<i32, DefectKind> {
        if calendar::exists(self.year, self.month, self.day) {
            Ok(calendar::days(self.year, self.month, self.day))
        } else {
            Err(DefectKind::NoSuchDay)
        }
    }
}

/// `H:M[:S[.f]]`.
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
    precision: Precision,
}

impl Clock {
    fn take(scan: &mut Scan<'_>) -> Option<Self> {
        let hour = scan.number(1, 2)?;
        scan.eat(b":")?;
        let minute = scan.number(1, 2)?;
        if scan.eat(b":").is_none() {
            return Some(Self {
                hour,
                minute,
                second: 0,
                micros: 0,
                precision: Precision::Minute,
            });
        }
        let second = scan.number(1, 2)?;
        let micros = if scan.eat(b".").is_some() {
            scan.micros()
        } else {
            0
        };
        Some(Self {
            hour,
            minute,
            second,
            micros,
            precision: Precision::Second,
        })
    }

    /// Seconds since midnight: `24:00:00` and second 60 count on.
    fn seconds(&self) -> Result<i64, DefectKind> {
        let end_of_day = self.hour == 24 && self.minute == 0 && self.second == 0 && self.micros == 0;
        if self.minute > 59 || self.second > 60 || (self.hour > 23 && !end_of_day) {
            return Err(DefectKind::NoSuchTime);
        }
        Ok(i64::from(self.hour * 3600 + self.minute * 60 + self.second))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::typing::{parse_date, parse_datetime, parse_time};

    /// Mostly right, sometimes wrong by a digit: what the fixed-position parsers must not take differently.
    const DAY: &str = "[0-9]{4}-[01][0-9]-[0-3][0-9]";
    const CLOCK: &str = "[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,9})?";
    const OFFSET: &str = "(Z|[+-][01][0-9]:[0-6][0-9]|x)?";

    fn date_times() -> impl Strategy<Value = String> {
        let days = prop_oneof![
            8 => DAY,
            // The days on which clocks change, in years inside and outside the zone's table.
            4 => "(19[4-9][0-9]|20[0-9][0-9]|21[0-9][0-9])-(03|10|04|09)-(2[4-9]|3[01])",
        ];
        (days, "[T ]", CLOCK, OFFSET)
            .prop_map(|(day, separator, clock, offset)| format!("{day}{separator}{clock}{offset}"))
    }

    /// A zone, and the same without its table.
    fn zones() -> impl Strategy<Value = (Zone, Zone)> {
        let zones = ["Europe/Berlin", "Africa/Casablanca"];
        prop::sample::select(
            zones
                .map(|name| (Zone::named(name).unwrap(), Zone::untabled(name).unwrap()))
                .to_vec(),
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn date_times_agree(text in date_times(), (zone, untabled) in zones()) {
            prop_assert_eq!(parse_datetime(&text, &zone), datetime(&text, &untabled));
        }

        #[test]
        fn dates_agree(text in DAY) {
            prop_assert_eq!(parse_date(&text), date(&text));
            prop_assert_eq!(parse_datetime(&text, &Zone::berlin()), datetime(&text, &Zone::berlin()));
        }

        #[test]
        fn times_agree(text in CLOCK) {
            prop_assert_eq!(parse_time(&text), time(&text));
        }
    }
}
