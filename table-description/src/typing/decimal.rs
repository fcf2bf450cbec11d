use std::borrow::Cow;

use super::{DefectKind, scan::refusal};

/// Powers of ten a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Reads a decimal as the nearest double.
///
/// Beside FHIR's spelling a leading plus, `12.`, `.5`, leading zeros and C's hexadecimal `0x1A` are accepted; a comma,
/// infinities and NaN are not. The scale (`1.50`) is not in a double; [`exact_decimal`] keeps it.
/// Source: <https://hl7.org/fhir/R4/datatypes.html#decimal> (R4).
///
/// # Errors
/// [`DefectKind::NotADecimal`], [`DefectKind::OutOfRange`] (no finite double), [`DefectKind::Empty`] or
/// [`DefectKind::SeveralValues`].
pub fn parse_decimal(text: &str) -> Result<f64, DefectKind> {
    match fixed(text.as_bytes()) {
        Some(number) => Ok(number),
        None => careful(text),
    }
}

/// The text PostgreSQL's `numeric` reads as exactly the decimal that was written, scale included.
///
/// `1.50` stays `1.50`; `+5`, `.5`, `12.` and `0x1A` become `5`, `0.5`, `12` and `26`; an exponent stays.
///
/// # Errors
/// As [`parse_decimal`].
pub fn exact_decimal(text: &str) -> Result<Cow<'_, str>, DefectKind> {
    let number = parse_decimal(text)?;
    let text = text.trim_ascii();
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    if digits.len() > 1 && digits.as_bytes()[1].eq_ignore_ascii_case(&b'x') {
        return Ok(Cow::Owned(format!("{number}")));
    }
    let (mantissa, exponent) = match digits.bytes().position(|b| b.eq_ignore_ascii_case(&b'e')) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let plain = !whole.is_empty() && fraction != Some("") && !text.starts_with('+');
    if plain {
        return Ok(Cow::Borrowed(text));
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction
        .filter(|f| !f.is_empty())
        .map(|f| format!(".{f}"))
        .unwrap_or_default();
    Ok(Cow::Owned(format!("{sign}{whole}{fraction}{exponent}")))
}

/// `-?digits[.digits]` of at most 19 digits whose value is one exact product or quotient of doubles; `None` leaves the
/// answer to the careful parser. With an exact mantissa below 2^53 and an exact power of ten, the one division rounds
/// once, which is the nearest double (Clinger's fast path).
fn fixed(bytes: &[u8]) -> Option<f64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let mut mantissa = 0u64;
    let mut point = None;
    for (at, &b) in digits.iter().enumerate() {
        let digit = b.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if b == b'.' && point.is_none() && at > 0 && at + 1 < digits.len() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let scale = point.map_or(0, |at| digits.len() - 1 - at);
    let count = digits.len() - usize::from(point.is_some());
    if count > 19 || mantissa > 1 << 53 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a mantissa up to 2^53 is exact")]
    let number = mantissa as f64 / POWERS.get(scale)?;
    Some(if negative { -number } else { number })
}

fn careful(text: &str) -> Result<f64, DefectKind> {
    let text = text.trim_ascii();
    if let Some(kind) = refusal(text) {
        return Err(kind);
    }
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => hexadecimal(hex),
        // The standard parser also takes `inf`, `nan` and a second sign, none of which begins with these bytes.
        None if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => digits.parse().ok(),
        None => None,
    };
    match number {
        Some(number) if number.is_finite() => Ok(if negative { -number } else { number }),
        Some(_) => Err(DefectKind::OutOfRange),
        None => Err(DefectKind::NotADecimal),
    }
}

/// The value of hexadecimal digits, at most 13 of them, so that it is exact.
fn hexadecimal(digits: &str) -> Option<f64> {
    let significant = digits.trim_start_matches('0');
    if digits.is_empty() || significant.len() > 13 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = significant.bytes().fold(0u64, |n, b| {
        n << 4 | u64::from(char::from(b).to_digit(16).unwrap_or(0))
    });
    #[expect(clippy::cast_precision_loss, reason = "13 hexadecimal digits are 52 bits")]
    Some(number as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings() {
        for (text, expected, exact) in [
            ("1.50", Ok(1.5), "1.50"),
            ("-.5", Ok(-0.5), "-0.5"),
            ("+.5", Ok(0.5), "0.5"),
            ("12.", Ok(12.0), "12"),
            ("12.e1", Ok(120.0), "12e1"),
            (" 7 ", Ok(7.0), "7"),
            ("1e3", Ok(1000.0), "1e3"),
            ("1E-05", Ok(1e-5), "1E-05"),
            ("00012", Ok(12.0), "00012"),
            ("0x1A", Ok(26.0), "26"),
            ("-0x1a", Ok(-26.0), "-26"),
            ("-0.0", Ok(-0.0), "-0.0"),
            (
                "0.10000000000000000000000001",
                Ok(0.1),
                "0.10000000000000000000000001",
            ),
            (
                "9007199254740993",
                Ok(9_007_199_254_740_992.0),
                "9007199254740993",
            ),
            ("1,5", Err(DefectKind::NotADecimal), ""),
            ("1.2.3", Err(DefectKind::NotADecimal), ""),
            (".", Err(DefectKind::NotADecimal), ""),
            ("-", Err(DefectKind::NotADecimal), ""),
            ("--1", Err(DefectKind::NotADecimal), ""),
            ("+-1", Err(DefectKind::NotADecimal), ""),
            ("inf", Err(DefectKind::NotADecimal), ""),
            ("NaN", Err(DefectKind::NotADecimal), ""),
            ("0x", Err(DefectKind::NotADecimal), ""),
            ("abc", Err(DefectKind::NotADecimal), ""),
            ("1e400", Err(DefectKind::OutOfRange), ""),
            ("", Err(DefectKind::Empty), ""),
            ("1 ~ 2", Err(DefectKind::SeveralValues), ""),
        ] {
            let read = parse_decimal(text);
            assert_eq!(read.map(f64::to_bits), expected.map(f64::to_bits), "{text:?}");
            assert_eq!(
                exact_decimal(text).map_err(|_| ()),
                expected.map(|_| exact.into()).map_err(|_| ())
            );
        }
    }

    proptest! {
        #[test]
        fn fixed_and_careful_agree(text in "-?[0-9]{1,20}(\\.[0-9]{1,12})?") {
            if let Some(number) = fixed(text.as_bytes()) {
                prop_assert_eq!(Ok(number.to_bits()), careful(&text).map(f64::to_bits));
            }
        }
    }
}
