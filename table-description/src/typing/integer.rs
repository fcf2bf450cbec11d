use super::{DefectKind, scan::refusal};

/// Reads a whole number of 32 bits.
///
/// A sign, leading zeros and a fraction of nothing but zeros (`3.0`) are accepted, since no information is lost; a real
/// fraction is a defect and never cut off. Source: <https://hl7.org/fhir/R4/datatypes.html#integer> (R4).
///
/// # Errors
/// [`DefectKind::NotAnInteger`], [`DefectKind::OutOfRange`], [`DefectKind::Empty`] or [`DefectKind::SeveralValues`].
pub fn parse_integer(text: &str) -> Result<i32, DefectKind> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => careful(text),
    }
}

#[cold]
fn careful(text: &str) -> Result<i32, DefectKind> {
    let text = text.trim_ascii();
    if let Some(kind) = refusal(text) {
        return Err(kind);
    }
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) || !fraction.bytes().all(|b| b == b'0')
    {
        return Err(DefectKind::NotAnInteger);
    }
    whole
        .bytes()
        .try_fold(0i32, |number, b| {
            let digit = i32::from(b - b'0');
            let number = number.checked_mul(10)?;
            if negative {
                number.checked_sub(digit)
            } else {
                number.checked_add(digit)
            }
        })
        .ok_or(DefectKind::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("-17", Ok(-17)),
            ("+5", Ok(5)),
            ("007", Ok(7)),
            (" 7 ", Ok(7)),
            ("3.0", Ok(3)),
            ("3.", Ok(3)),
            ("2147483647", Ok(i32::MAX)),
            ("-2147483648", Ok(i32::MIN)),
            ("2147483648", Err(DefectKind::OutOfRange)),
            ("99999999999999999999", Err(DefectKind::OutOfRange)),
            ("3.5", Err(DefectKind::NotAnInteger)),
            (".0", Err(DefectKind::NotAnInteger)),
            ("1e3", Err(DefectKind::NotAnInteger)),
            ("x", Err(DefectKind::NotAnInteger)),
            ("-", Err(DefectKind::NotAnInteger)),
            ("--1", Err(DefectKind::NotAnInteger)),
            ("ä", Err(DefectKind::NotAnInteger)),
            ("", Err(DefectKind::Empty)),
            ("1 ~ 2", Err(DefectKind::SeveralValues)),
        ] {
            assert_eq!(parse_integer(text), expected, "{text:?}");
        }
    }
}
