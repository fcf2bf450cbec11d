//! The type of a plain scalar.

use super::{Value, date};

/// By which version of YAML scalars are typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Schema {
    /// 1.2, which holds where nothing is said.
    #[default]
    New,
    /// 1.1: `yes` and `off` are true and false, `010` is 8, `1:30` is 90.
    Old,
}

/// A scalar with the tag of a type; `None` if it is not of it.
pub(super) fn tagged(text: &str, kind: &str, schema: Schema) -> Option<Value> {
    match kind {
        "null" => Some(Value::Null),
        "bool" => truth(&text.to_lowercase()).map(Value::Bool),
        "int" => match plain(text, schema) {
            value @ Value::Int(_) => Some(value),
            _ => None,
        },
        // A whole number without point or exponent is none to the original's reader.
        _ => match plain(text, schema) {
            value @ Value::Float(_) => Some(value),
            _ => None,
        },
    }
}

/// The words for true and false of YAML 1.1.
fn truth(text: &str) -> Option<bool> {
    let lower = text.to_lowercase();
    let alike = text == lower || text == text.to_uppercase() || {
        let mut chars = text.chars();
        chars.next().is_some_and(char::is_uppercase) && chars.all(char::is_lowercase)
    };
    match lower.as_str() {
        _ if !alike => None,
        "y" | "yes" | "true" | "on" => Some(true),
        "n" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// What YAML 1.1 types in other ways than 1.2.
fn old(text: &str) -> Option<Value> {
    if let Some(is) = truth(text) {
        return Some(Value::Bool(is));
    }
    let (minus, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if digits.starts_with("0o") {
        return Some(text_value(text));
    }
    if digits.contains(':') {
        return sexagesimal(digits, minus);
    }
    let bare: String = digits.chars().filter(|c| *c != '_').collect();
    let octal = digits.starts_with('0') && bare.len() > 1 && bare.bytes().all(|b| b.is_ascii_digit());
    if !octal {
        return None;
    }
    Some(match i128::from_str_radix(&bare, 8) {
        Ok(value) => Value::Int(if minus { -value } else { value }),
        Err(_) => text_value(text),
    })
}

/// `1:30` is 90, `0:3.5` is 3.5; parts behind the first are below 60.
fn sexagesimal(digits: &str, minus: bool) -> Option<Value> {
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut parts = whole.split(':');
    let first: String = parts.next()?.chars().filter(|c| *c != '_').collect();
    let leads = |c: char| {
        if fraction.is_some() {
            c.is_ascii_digit()
        } else {
            matches!(c, '1'..='9')
        }
    };
    if !first.starts_with(leads) || !first.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut value: i128 = first.parse().ok()?;
    for part in parts {
        let number: i128 = part
            .parse()
            .ok()
            .filter(|number| *number < 60 && part.len() <= 2)?;
        value = value.checked_mul(60)?.checked_add(number)?;
    }
    let sign = if minus { -1 } else { 1 };
    match fraction {
        None => Some(Value::Int(sign * value)),
        Some(fraction) if fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') => {
            let text = format!("{}.{}0", sign * value, fraction.replace('_', ""));
            text.parse().ok().map(Value::Float)
        }
        Some(_) => None,
    }
}

/// Types a plain scalar by how it is written.
pub(super) fn plain(text: &str, schema: Schema) -> Value {
    if schema == Schema::Old
        && let Some(value) = old(text)
    {
        return value;
    }
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
            .or_else(|| date::is_date(text).then(|| Value::Date(text.to_owned())))
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
            assert_eq!(plain(text, Schema::New), value, "{text}");
        }
    }

    #[test]
    fn yaml_1_1_types_more_words_and_numbers() {
        for (text, value) in [
            ("yes", Value::Bool(true)),
            ("Off", Value::Bool(false)),
            ("n", Value::Bool(false)),
            ("yEs", text_value("yEs")),
            ("010", Value::Int(8)),
            ("-010", Value::Int(-8)),
            ("08", text_value("08")),
            ("0", Value::Int(0)),
            ("10", Value::Int(10)),
            ("0o5", text_value("0o5")),
            ("0x1F", Value::Int(31)),
            ("1:30", Value::Int(90)),
            ("0:30", text_value("0:30")),
            ("0:3.5", Value::Float(3.5)),
            ("1:60", text_value("1:60")),
            ("1_0", Value::Int(10)),
        ] {
            assert_eq!(plain(text, Schema::Old), value, "{text}");
        }
    }

    #[test]
    fn a_tag_wants_a_text_of_its_type() {
        for (text, kind, value) in [
            ("on", "bool", Some(Value::Bool(true))),
            ("1", "bool", None),
            ("x", "null", Some(Value::Null)),
            ("05", "int", Some(Value::Int(5))),
            ("5.0", "int", None),
            ("5", "float", None),
            ("5.", "float", Some(Value::Float(5.0))),
            ("5e0", "float", Some(Value::Float(5.0))),
        ] {
            assert_eq!(tagged(text, kind, Schema::New), value, "{text} {kind}");
        }
    }
}
