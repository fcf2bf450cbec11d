use std::collections::HashMap;

use datafusion::scalar::ScalarValue;

use super::{Library, Parameter, QueryError};
use crate::compile::{Class, class_of_primitive, number};

/// Values for the parameters of a query, as text by name.
pub type Given = HashMap<String, String>;

/// The values of a library's parameters by name, each of its type. Dates are texts, as they are in the tables of views.
///
/// # Errors
/// If one is missing, not declared, or not of its type.
pub(super) fn bound(library: &Library, given: &Given) -> Result<HashMap<String, ScalarValue>, QueryError> {
    let wrong = |name: &str, reason: String| QueryError::Parameter {
        name: name.to_owned(),
        reason,
    };
    let mut names: Vec<&String> = given.keys().collect();
    names.sort();
    for name in names {
        if !library.parameters.iter().any(|known| known.name == *name) {
            return Err(wrong(name, format!("is not one of {}", library.name)));
        }
    }
    let mut values = HashMap::new();
    for parameter in &library.parameters {
        let Some(text) = given.get(&parameter.name) else {
            return Err(wrong(
                &parameter.name,
                format!("({}) is missing", parameter.type_name),
            ));
        };
        let value = scalar(parameter, text)
            .ok_or_else(|| wrong(&parameter.name, format!("is no {}", parameter.type_name)))?;
        values.insert(parameter.name.clone(), value);
    }
    Ok(values)
}

fn scalar(parameter: &Parameter, text: &str) -> Option<ScalarValue> {
    Some(match class_of_primitive(&parameter.type_name)? {
        Class::Boolean => ScalarValue::Boolean(Some(text.parse().ok()?)),
        Class::Integer => ScalarValue::Int64(Some(text.parse().ok()?)),
        Class::Decimal => {
            let number = number(text)?;
            ScalarValue::Decimal128(Some(number.mantissa()), 38, number.scale().try_into().ok()?)
        }
        class => {
            use crate::eval::temporal::Moment;
            let fits = match class {
                Class::Date | Class::DateTime => Moment::date_time(text).is_some(),
                Class::Time => Moment::time(text).is_some(),
                _ => true,
            };
            fits.then(|| ScalarValue::Utf8(Some(text.to_owned())))?
        }
    })
}

/// The SQL with its parameters written as the engine has them, `$name` for `:name`. Strings, quoted names, comments and
/// casts (`::`) stay as they are.
pub(super) fn with_placeholders(library: &Library) -> String {
    let sql = library.sql.as_str();
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let name = rest.strip_prefix(':').map(name_of).unwrap_or_default();
        let declared = library.parameters.iter().any(|known| known.name == name);
        let length = match quoted(rest) {
            Some(length) => length,
            None if declared => {
                out.push('$');
                rest = rest.get(1..).unwrap_or_default();
                name.len()
            }
            None if rest.starts_with("::") => 2,
            None => first.len_utf8(),
        };
        let (part, behind) = rest.split_at(length);
        out.push_str(part);
        rest = behind;
    }
    out
}

fn name_of(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// Length of the string, quoted name or comment a text begins with.
fn quoted(text: &str) -> Option<usize> {
    let ends = |from: usize, end: &str| {
        let rest = text.get(from..)?;
        Some(rest.find(end).map_or(text.len(), |at| from + at + end.len()))
    };
    match text.get(..2) {
        Some("--") => return ends(2, "\n"),
        Some("/*") => return ends(2, "*/"),
        _ => {}
    }
    match text.chars().next()? {
        '\'' => ends(1, "'"),
        '"' => ends(1, "\""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(sql: &str) -> Library {
        let parameter = |name: &str, type_name: &str| Parameter {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
        };
        Library {
            name: "q".to_owned(),
            dependencies: Vec::new(),
            parameters: vec![parameter("city", "string"), parameter("n", "integer")],
            sql: sql.to_owned(),
        }
    }

    #[test]
    fn only_declared_names_outside_of_quotes_are_parameters() {
        for (sql, expected) in [
            ("x = :city", "x = $city"),
            ("x=:city and y=:n", "x=$city and y=$n"),
            ("':city' = :city", "':city' = $city"),
            ("'it''s :city' || :city", "'it''s :city' || $city"),
            ("\":city\" -- :city\n, :city", "\":city\" -- :city\n, $city"),
            ("/* :n */ :n", "/* :n */ $n"),
            ("a::n", "a::n"),
            (":cityx, :other", ":cityx, :other"),
            ("ä:n", "ä$n"),
        ] {
            assert_eq!(with_placeholders(&library(sql)), expected, "{sql}");
        }
    }

    #[test]
    fn values_are_of_the_types_declared() {
        let library = library("");
        let given = |pairs: &[(&str, &str)]| -> Given {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let values = bound(&library, &given(&[("city", "O'X"), ("n", "7")])).expect("bound");
        assert_eq!(values["n"], ScalarValue::Int64(Some(7)));
        for (pairs, reason) in [
            (vec![("city", "x")], "the parameter n (integer) is missing"),
            (
                vec![("city", "x"), ("n", "SECRET")],
                "the parameter n is no integer",
            ),
            (
                vec![("city", "x"), ("n", "1"), ("m", "1")],
                "the parameter m is not one of q",
            ),
        ] {
            let told = bound(&library, &given(&pairs)).expect_err("refused").to_string();
            assert_eq!(told, reason);
        }
    }
}
