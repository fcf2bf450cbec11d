use table_description::typing::exact_decimal;

/// A decimal's digits as a whole number with `scale` digits behind the point; `None` if it has no value, or more digits
/// than there is room for. Zeros at the end need no room.
pub(super) fn scaled(text: &str, digits: u8, scale: u8) -> Option<i128> {
    let text = exact_decimal(text).ok()?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, &*text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: String = [whole, fraction].concat();
    let significant = all.trim_start_matches('0');
    let trimmed = significant.trim_end_matches('0');
    if trimmed.is_empty() {
        return Some(0);
    }
    // Places the last digit left stands behind the point.
    let places = fraction.len() as i64 - (significant.len() - trimmed.len()) as i64 - exponent;
    let zeros = u32::try_from(i64::from(scale) - places).ok()?;
    if trimmed.len() as u64 + u64::from(zeros) > u64::from(digits) {
        return None;
    }
    let number = trimmed
        .parse::<i128>()
        .ok()?
        .checked_mul(10_i128.checked_pow(zeros)?)?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn decimals_keep_their_digits_or_have_no_value() {
        for (text, digits, scale, expected) in [
            ("1.5", 10, 2, Some(150)),
            ("-0.05", 10, 2, Some(-5)),
            ("1.500", 4, 1, Some(15)),
            ("0.001", 10, 2, None),
            ("1e3", 10, 2, Some(100_000)),
            ("12E-2", 10, 2, Some(12)),
            ("1e-9999999999", 10, 2, None),
            ("0.000", 1, 0, Some(0)),
            ("99999999", 8, 0, Some(99_999_999)),
            ("100000000", 8, 0, None),
            (
                "99999999999999999999999999999999999999",
                38,
                0,
                Some(10_i128.pow(38) - 1),
            ),
            ("abc", 10, 2, None),
        ] {
            assert_eq!(
                scaled(text, digits, scale),
                expected,
                "{text} as {digits}, {scale}"
            );
        }
    }
}
