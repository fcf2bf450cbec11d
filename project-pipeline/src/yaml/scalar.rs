//! The type of a plain scalar.

use super::Value;

/// Types a plain scalar by how it is written.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => text_value(text),
        _ => whole(text)
            .or_else(|| broken(text))
            .or_else(|| is_date(text).then(|| Value::Date(text.to_owned())))
            .unwrap_or_else(|| text_value(text)),
    }
}

fn text_value(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Whole numbers: decimal (leading zeros are decimal too), `0x`, `0o`, `0b`, with `_` between digits.
fn whole(text: &str) -> Option<Value> {
    let (minus, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    let bare: String = digits.chars().filter(|c| *c != '_').collect();
    if bare.is_empty() || !bare.chars().all(|c| c.is_digit(radix)) || digits.starts_with('_') && radix == 10 {
        return None;
    }
    Some(match i128::from_str_radix(&bare, radix) {
        Ok(value) => Value::Int(if minus { -value } else { value }),
        Err(_) => Value::Float(bare.parse().unwrap_or(f64::INFINITY)),
    })
}

/// Numbers with a point or an exponent.
fn broken(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if exponent.is_some_and(|e| !digits(e.strip_prefix(['+', '-']).unwrap_or(e))) {
        return None;
    }
    let part = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let good = match mantissa.split_once('.') {
        Some(("", after)) => {
            part(after)
                && after.bytes().any(|b| b.is_ascii_digit())
                && exponent.is_none_or(|e| e.starts_with(['+', '-']))
        }
        Some((before, after)) => {
            before.starts_with(|c: char| c.is_ascii_digit()) && part(before) && part(after)
        }
        None => exponent.is_some() && mantissa.starts_with(|c: char| c.is_ascii_digit()) && part(mantissa),
    };
    good.then(|| text.replace('_', "").parse().map(Value::Float).ok())?
}

/// `YYYY-MM-DD`, or a date with a time behind it.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|s| s.parse::<u32>().ok());
    if bytes.len() < 8 || bytes.get(4) != Some(&b'-') || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let (day, rest) = text.split_at(text.find(['T', 't', ' ', '\t']).unwrap_or(text.len()));
    if rest.is_empty() {
        return day.len() == 10
            && bytes[7] == b'-'
            && number(5..7).is_some_and(|m| (1..=12).contains(&m))
            && number(8..10).is_some_and(|d| (1..=31).contains(&d));
    }
    let parts: Vec<&str> = day.split('-').collect();
    parts.len() == 3
        && parts[1..]
            .iter()
            .all(|p| matches!(p.len(), 1 | 2) && p.bytes().all(|b| b.is_ascii_digit()))
        && is_time(rest.trim_start_matches(['T', 't', ' ', '\t']))
}

fn is_time(text: &str) -> bool {
    let clock = text
        .find(['Z', '+', '-', ' ', '\t'])
        .map_or(text, |at| &text[..at]);
    let clock = clock.split_once('.').map_or(clock, |(clock, _)| clock);
    let parts: Vec<&str> = clock.split(':').collect();
    parts.len() == 3
        && parts[0].len() <= 2
        && parts[1].len() == 2
        && parts[2].len() == 2
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_typed_by_how_they_are_written() {
        for (text, value) in [
            ("", Value::Null),
            ("yes", text_value("yes")),
            ("off", text_value("off")),
            ("True", Value::Bool(true)),
            ("010", Value::Int(10)),
            ("1_000", Value::Int(1000)),
            ("0x1F", Value::Int(31)),
            ("0o17", Value::Int(15)),
            ("-3", Value::Int(-3)),
            ("5.", Value::Float(5.0)),
            (".5", Value::Float(0.5)),
            ("5e0", Value::Float(5.0)),
            ("1.0.0", text_value("1.0.0")),
            ("-", text_value("-")),
            ("5:0", text_value("5:0")),
            ("inf", text_value("inf")),
            ("2020-01-01", Value::Date("2020-01-01".to_owned())),
            (
                "2020-01-01T00:00:00Z",
                Value::Date("2020-01-01T00:00:00Z".to_owned()),
            ),
            ("2020-01", text_value("2020-01")),
            ("2020-01-01.csv", text_value("2020-01-01.csv")),
        ] {
            assert_eq!(plain(text), value, "{text}");
        }
    }
}
