use super::{DefectKind, Precision, Zone, calendar, careful, date, scan, time};

/// A date-time as it was read: wall time of the zone it was read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// Microseconds since 1970-01-01T00:00:00 of wall time.
    pub micros: i64,
    /// How much was given; what was not given is the start of the period.
    pub precision: Precision,
    /// The text gave a wall time the zone skipped; it was moved forward by the length of the gap.
    pub shifted: bool,
}

/// Reads a date-time as wall time of `zone`.
///
/// With an offset or `Z` the instant is converted to the zone's wall time; without one the text already is wall time.
/// `2020` and `2020-05` are the start of the period, and [`DateTime::precision`] says so. `24:00:00` is the next day's
/// midnight, second 60 the next minute. A wall time skipped by the zone is moved forward by the length of the gap
/// ([`DateTime::shifted`]), but a midnight never is, since it is how a day without a time of day is written; a wall time
/// the zone shows twice stays as it is. Digits after the sixth of a fraction are dropped. Source: <https://hl7.org/fhir/R4/datatypes.html#dateTime> (R4).
///
/// # Errors
/// [`DefectKind::NotADateTime`], [`DefectKind::NoSuchDay`], [`DefectKind::NoSuchTime`], [`DefectKind::OutOfRange`],
/// [`DefectKind::Empty`] or [`DefectKind::SeveralValues`].
pub fn parse_datetime(text: &str, zone: &Zone) -> Result<DateTime, DefectKind> {
    match fixed(text.as_bytes(), zone) {
        Some(read) => Ok(read),
        None => careful::datetime(text, zone),
    }
}

/// `YYYY-MM-DD` and `YYYY-MM-DDTHH:MM:SS[.f][Z|±hh:mm]` in the years the zone's table covers; `None` leaves the answer
/// to the careful parser.
fn fixed(bytes: &[u8], zone: &Zone) -> Option<DateTime> {
    let (day, rest) = bytes.split_first_chunk::<10>()?;
    let midnight = i64::from(date::day(day)?) * calendar::SECONDS_PER_DAY;
    let [b'T', rest @ ..] = rest else {
        let micros = midnight * calendar::MICROS_PER_SECOND;
        return rest.is_empty().then_some(DateTime {
            micros,
            precision: Precision::Day,
            shifted: false,
        });
    };
    let (clock, rest) = rest.split_first_chunk::<8>()?;
    let written = midnight + i64::from(time::seconds(clock)?);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => scan::micros(rest),
        _ => (0, rest),
    };
    let offset = match rest {
        [] => None,
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => Some(offset(*sign, [*h1, *h2, *m1, *m2])?),
        _ => return None,
    };
    let (wall, shifted) = match offset {
        Some(offset) => (zone.tabled_wall(written - offset)?, false),
        None => {
            let moved = careful::out_of_gap(zone.tabled_instant(written)?.moved, written, fraction);
            (written + moved, moved != 0)
        }
    };
    let micros = wall * calendar::MICROS_PER_SECOND + i64::from(fraction);
    Some(DateTime {
        micros,
        precision: Precision::Second,
        shifted,
    })
}

/// Seconds east of UTC, at most 14 hours either way.
#[inline]
fn offset(sign: u8, digits: [u8; 4]) -> Option<i64> {
    let [h1, h2, m1, m2] = digits.map(|b| i64::from(b.wrapping_sub(b'0')));
    if (h1 > 9) | (h2 > 9) | (m1 > 5) | (m2 > 9) {
        return None;
    }
    let seconds = (h1 * 10 + h2) * 3600 + (m1 * 10 + m2) * 60;
    if seconds > careful::MAX_OFFSET {
        return None;
    }
    Some(if sign == b'-' { -seconds } else { seconds })
}
