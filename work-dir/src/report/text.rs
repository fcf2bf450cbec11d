//! Texts and numbers as pages show them.

/// A whole number, thousands apart.
pub(crate) fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A number with four digits that count.
pub(crate) fn decimal(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{number:.2e}");
    }
    let places = match size {
        s if s >= 1000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 10.0 => 2,
        s if s >= 1.0 => 3,
        _ => 4,
    };
    let text = format!("{number:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share of 1 in per cent.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        p if p < 0.1 => "&lt; 0.1 %".to_owned(),
        p if p > 99.9 && p < 100.0 => "&gt; 99.9 %".to_owned(),
        p => format!("{p:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(whole(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(whole(123), "123");
        for (number, text) in [
            (0.0, "0"),
            (13.45, "13.45"),
            (0.00001, "1.00e-5"),
            (120.0, "120"),
            (1e9, "1.00e9"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(decimal(number), text);
        }
        assert_eq!(
            (percent(0.5), percent(0.0001)),
            ("50.0 %".to_owned(), "&lt; 0.1 %".to_owned())
        );
    }
}
