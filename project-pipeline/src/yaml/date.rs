//! Dates and times as YAML 1.1 writes them, which Python's loaders read.

use jiff::{SignedDuration, civil};

/// A date, perhaps with a time and the distance from UTC.
pub(super) struct Stamp<'a> {
    day: [&'a str; 3],
    time: Option<Time<'a>>,
}

struct Time<'a> {
    clock: [&'a str; 3],
    fraction: &'a str,
    zone: &'a str,
}

/// Whether a plain text counts as a date: `YYYY-MM-DD`, or a date with a time behind it.
pub(super) fn is_date(text: &str) -> bool {
    read(text).is_some_and(|stamp| stamp.time.is_some() || text.len() == 10)
}

/// Reads what has the form of a date, whether the day exists or not.
pub(super) fn read(text: &str) -> Option<Stamp<'_>> {
    let (day, rest) = text.split_at(text.find(['T', 't', ' ', '\t']).unwrap_or(text.len()));
    let day = three(day, '-')?;
    if day[0].len() != 4 || day[1..].iter().any(|part| part.len() > 2) {
        return None;
    }
    if rest.is_empty() {
        return Some(Stamp { day, time: None });
    }
    let rest = match rest.strip_prefix(['T', 't']) {
        Some(rest) => rest,
        None => rest.trim_start_matches([' ', '\t']),
    };
    let (clock, rest) = rest.split_at(rest.find(['.', 'Z', '+', '-', ' ', '\t']).unwrap_or(rest.len()));
    let clock = three(clock, ':')?;
    if clock[0].len() > 2 || clock[1..].iter().any(|part| part.len() != 2) {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let zone = rest.trim_start_matches([' ', '\t']);
    if !(rest.is_empty() || is_zone(zone)) {
        return None;
    }
    let time = Some(Time {
        clock,
        fraction,
        zone,
    });
    Some(Stamp { day, time })
}

/// `Z`, or a sign with hours and perhaps minutes.
fn is_zone(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let Some(text) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    let (hours, minutes) = match text.split_once(':') {
        Some((hours, minutes)) => (hours, Some(minutes)),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    matches!(hours.len(), 1 | 2)
        && digits(hours)
        && minutes.is_none_or(|minutes| minutes.len() == 2 && digits(minutes))
}

/// Exactly three numbers.
fn three(text: &str, between: char) -> Option<[&str; 3]> {
    let mut parts = text.split(between);
    let three = [parts.next()?, parts.next()?, parts.next()?];
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (parts.next().is_none() && three.iter().all(is_number)).then_some(three)
}

impl Stamp<'_> {
    /// The moment in UTC, the same for every way to write it; `None` if there is no such day or time from year 1 to 9999.
    pub(super) fn moment(&self) -> Option<String> {
        let [year, month, day] = self.day;
        let date = civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
        let Some(time) = &self.time else {
            return (date.year() >= 1).then(|| date.to_string());
        };
        let [hour, minute, second] = time.clock;
        let clock =
            civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0).ok()?;
        let moment = date.to_datetime(clock).checked_sub(time.distance()).ok()?;
        let fraction: String = time.fraction.chars().chain("000000".chars()).take(6).collect();
        (1..=9999)
            .contains(&moment.year())
            .then(|| format!("{moment}.{fraction}"))
    }
}

impl Time<'_> {
    /// The distance from UTC.
    fn distance(&self) -> SignedDuration {
        let text = self.zone.trim_start_matches(['+', '-', 'Z']);
        let (hours, minutes) = text.split_once(':').unwrap_or((text, ""));
        let minutes = hours.parse().unwrap_or(0) * 60 + minutes.parse().unwrap_or(0);
        let sign = if self.zone.starts_with('-') { -1 } else { 1 };
        SignedDuration::from_mins(sign * minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_exist_or_not() {
        let moment = |text| read(text).and_then(|stamp| stamp.moment());
        for (text, same) in [
            ("2020-01-01T00:00:00Z", "2020-01-01 0:00:00"),
            ("2020-01-01T01:00:00+1", "2020-1-1 00:00:00.000"),
            ("2020-01-01T00:00:00 -05:30", "2020-01-01T05:30:00"),
        ] {
            assert!(moment(text).is_some(), "{text}");
            assert_eq!(moment(text), moment(same), "{text}");
        }
        for text in [
            "2020-02-30",
            "2019-02-29",
            "0000-01-01",
            "2020-99-99",
            "2020-01-01T24:00:00",
            "2020-01-01 23:59:60",
            "9999-12-31T23:00:00-05",
            "0001-01-01T00:00:00+05",
        ] {
            assert!(is_date(text) && moment(text).is_none(), "{text}");
        }
        for text in [
            "2020-1-1",
            "2020-01",
            "2020-01-01T",
            "2020-01-01T00:00:00z",
            "2020-01-01 ",
            "20200-01-01",
        ] {
            assert!(!is_date(text), "{text}");
        }
        assert!(read("2020-1-1").is_some(), "with the tag of a time it is one");
    }
}
