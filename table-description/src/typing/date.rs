use super::{DefectKind, Precision, calendar, careful};

/// Reads a calendar day as days since 1970-01-01, with the precision it was written in.
///
/// A year or a month stands for its first day. A time of day or an offset after the date is cut off without a zone conversion.
/// Slashes and the compact `20200506` are accepted. Source: <https://hl7.org/fhir/R4/datatypes.html#date> (R4).
///
/// # Errors
/// [`DefectKind::NotADate`], [`DefectKind::NoSuchDay`], [`DefectKind::Empty`] or [`DefectKind::SeveralValues`].
pub fn parse_date(text: &str) -> Result<(i32, Precision), DefectKind> {
    match fixed(text.as_bytes()) {
        Some(days) => Ok((days, Precision::Day)),
        None => careful::date(text),
    }
}

/// `YYYY-MM-DD` and nothing else; `None` leaves the answer to the careful parser.
fn fixed(bytes: &[u8]) -> Option<i32> {
    day(bytes.try_into().ok()?)
}

/// Days since 1970-01-01 of the ten bytes `YYYY-MM-DD`, if they are that and the day exists.
#[inline]
pub(super) fn day(b: &[u8; 10]) -> Option<i32> {
    let d = |i: usize| u32::from(b[i].wrapping_sub(b'0'));
    let digits = [d(0), d(1), d(2), d(3), d(5), d(6), d(8), d(9)];
    let bad = digits.iter().fold(false, |bad, d| bad | (*d > 9)) | (b[4] != b'-') | (b[7] != b'-');
    if bad {
        return None;
    }
    let year = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3];
    let month = digits[4] * 10 + digits[5];
    let day = digits[6] * 10 + digits[7];
    let plain = year >= 1 && month.wrapping_sub(1) < 12 && day.wrapping_sub(1) < 28;
    if plain || calendar::exists(year, month, day) {
        Some(calendar::days(year, month, day))
    } else {
        None
    }
}
