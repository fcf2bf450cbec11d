use super::{DefectKind, careful, scan};

/// Reads a time of day as microseconds since midnight, 0 to 86,400,000,000 (`24:00:00`).
///
/// Seconds are required, as in FHIR; one-digit parts are accepted, second 60 is the next minute, and what follows the
/// time (a zone) is ignored as in the original chain. Digits after the sixth of a fraction are dropped.
/// Source: <https://hl7.org/fhir/R4/datatypes.html#time> (R4).
///
/// # Errors
/// [`DefectKind::NotATime`], [`DefectKind::NoSuchTime`], [`DefectKind::Empty`] or [`DefectKind::SeveralValues`].
pub fn parse_time(text: &str) -> Result<i64, DefectKind> {
    match fixed(text.as_bytes()) {
        Some(micros) => Ok(micros),
        None => careful::time(text),
    }
}

/// `HH:MM:SS` with or without a fraction; `None` leaves the answer to the careful parser.
fn fixed(bytes: &[u8]) -> Option<i64> {
    let (clock, tail) = bytes.split_first_chunk::<8>()?;
    let seconds = seconds(clock)?;
    let micros = match tail {
        [] => 0,
        [b'.', fraction @ ..] => match scan::micros(fraction) {
            (micros, []) => micros,
            _ => return None,
        },
        _ => return None,
    };
    Some(i64::from(seconds) * 1_000_000 + i64::from(micros))
}

/// Seconds since midnight of the eight bytes `HH:MM:SS`, if they are that and the clock shows this time.
#[inline]
pub(super) fn seconds(b: &[u8; 8]) -> Option<u32> {
    let d = |i: usize| u32::from(b[i].wrapping_sub(b'0'));
    let digits = [d(0), d(1), d(3), d(4), d(6), d(7)];
    let bad = digits.iter().fold(false, |bad, d| bad | (*d > 9)) | (b[2] != b':') | (b[5] != b':');
    let (hour, minute, second) = (
        digits[0] * 10 + digits[1],
        digits[2] * 10 + digits[3],
        digits[4] * 10 + digits[5],
    );
    if bad | (hour > 23) | (minute > 59) | (second > 59) {
        return None;
    }
    Some(hour * 3600 + minute * 60 + second)
}
