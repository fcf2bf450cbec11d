//! Times as the hub keeps them: wall time of one zone.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// The zone whose wall time the hub's columns hold.
pub const ZONE: &str = "Europe/Berlin";

/// Reads `YYYY-MM-DD`, `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS`; missing parts are midnight.
#[must_use]
pub fn parse(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time.trim())),
        None => (text, None),
    };
    Some(parse_date(date)?.to_datetime(time.map_or(Some(Time::midnight()), parse_time)?))
}

/// Reads a moment: a wall time of [`ZONE`] as [`parse`] does, or one with an offset, which is then converted.
///
/// `None` also for a wall time that the zone's clocks skipped in spring.
#[must_use]
pub fn parse_moment(text: &str) -> Option<DateTime> {
    let zone = TimeZone::get(ZONE).ok()?;
    match parse(text) {
        Some(wall) => (!matches!(
            zone.to_ambiguous_timestamp(wall).offset(),
            AmbiguousOffset::Gap { .. }
        ))
        .then_some(wall),
        None => {
            let moment: Timestamp = text.trim().parse().ok()?;
            Some(zone.to_datetime(moment))
        }
    }
}

/// The wall time of [`ZONE`] now, cut to the second.
#[must_use]
pub fn now() -> DateTime {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let now = zone.to_datetime(Timestamp::now());
    now.with().subsec_nanosecond(0).build().unwrap_or(now)
}

/// Microseconds from 1970-01-01 00:00 on the same wall, as frames hold times.
#[must_use]
pub fn microseconds(time: DateTime) -> i64 {
    let moment = TimeZone::UTC.to_timestamp(time).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.as_microsecond()
}

fn parse_date(text: &str) -> Option<Date> {
    let [year, month, day] = numbers(text, '-', [4, 2, 2])?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn parse_time(text: &str) -> Option<Time> {
    let [hour, minute, second] =
        numbers(text, ':', [2, 2, 2]).or_else(|| numbers(text, ':', [2, 2]).map(|[h, m]| [h, m, 0]))?;
    let small = |n: i16| i8::try_from(n).ok();
    Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()
}

/// Exactly `N` numbers of these numbers of digits with a separator between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i16; N]> {
    let mut parts = text.split(separator);
    let mut out = [0; N];
    for (slot, digits) in out.iter_mut().zip(digits) {
        let part = parts
            .next()
            .filter(|p| p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()))?;
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lengths_are_read() {
        for (text, wanted) in [
            ("2026-01-11", "2026-01-11T00:00:00"),
            ("2026-01-11 10:05", "2026-01-11T10:05:00"),
            (" 2026-01-11  10:05:59 ", "2026-01-11T10:05:59"),
            ("2024-02-29T23:59:59", "2024-02-29T23:59:59"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), wanted);
        }
        for text in [
            "",
            "2026",
            "2026-1-11",
            "11.01.2026",
            "2026-02-29",
            "2026-01-11 24:00",
            "2026-01-11 10",
            "2026-01-11 10:00:60",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn moments_with_an_offset_become_wall_time() {
        for (text, wanted) in [
            ("2026-01-01T00:30:00Z", "2026-01-01T01:30:00"),
            ("2025-12-31T23:30:00-01:00", "2026-01-01T01:30:00"),
            ("2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00"),
            ("2024-10-27T02:30:00+01:00", "2024-10-27T02:30:00"),
            ("2024-10-27 02:30", "2024-10-27T02:30:00"),
        ] {
            assert_eq!(parse_moment(text).unwrap().to_string(), wanted);
        }
    }

    #[test]
    fn a_wall_time_skipped_in_spring_does_not_exist() {
        assert!(parse_moment("2024-03-31 02:30:00").is_none());
        assert!(parse_moment("2024-03-31 03:00:00").is_some());
    }
}
