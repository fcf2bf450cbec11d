//! Values with a tag, such as `!!str 5`: what a tag asks for, and what a value becomes by it.

use std::collections::HashSet;

use granit_parser::{ScalarStyle, Tag};

use super::scalar::Schema;
use super::{Node, Value, date, scalar};

/// The namespace of YAML's own types.
const OWN: &str = "tag:yaml.org,2002:";

/// A tag as far as it says anything about the type.
enum Kind {
    /// No tag, or `!` alone.
    Open,
    /// One of YAML's own types.
    Own(String),
    /// Somebody's own type, which nobody here knows.
    Foreign,
}

fn kind(tag: Option<&Tag>) -> Kind {
    let Some(tag) = tag else { return Kind::Open };
    let (handle, suffix) = tag.parts();
    let name = format!("{handle}{suffix}");
    match name.strip_prefix(OWN) {
        _ if name == "!" || name.is_empty() => Kind::Open,
        Some(own) => Kind::Own(own.to_owned()),
        None => Kind::Foreign,
    }
}

/// The value of a scalar. `!` alone means that it is typed by how it is written, quotes or not.
///
/// # Errors
/// Where the text is none of the type.
pub(super) fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    schema: Schema,
) -> Result<Value, String> {
    let value = match kind(tag) {
        Kind::Open if style == ScalarStyle::Plain || tag.is_some() => scalar::plain(text, schema),
        Kind::Open => Value::Text(text.to_owned()),
        Kind::Foreign => Value::Tagged(text.to_owned()),
        Kind::Own(name) => match name.as_str() {
            "str" => Value::Text(text.to_owned()),
            kind @ ("int" | "float" | "bool" | "null") => {
                scalar::tagged(text, kind, schema).ok_or_else(|| format!("the text is no `!!{kind}`"))?
            }
            "binary" => Value::Bytes(bytes(text).ok_or("the text is no `!!binary`")?),
            "timestamp" if date::read(text).is_some() => Value::Date(text.to_owned()),
            "timestamp" => return Err("the text is no `!!timestamp`".to_owned()),
            "seq" | "omap" | "pairs" => return Err(format!("`!!{name}` is the tag of a list")),
            "map" | "set" => return Err(format!("`!!{name}` is the tag of a mapping")),
            _ => Value::Tagged(text.to_owned()),
        },
    };
    match &value {
        Value::Date(text) if date::read(text).is_none_or(|stamp| stamp.moment().is_none()) => {
            Err("there is no such day or time".to_owned())
        }
        _ => Ok(value),
    }
}

/// The characters of a base64 text, with anything else between them; what stands behind the end is not looked at.
fn bytes(text: &str) -> Option<String> {
    if !text.is_ascii() {
        return None;
    }
    let mut code = String::new();
    let mut padding = 0;
    for c in text.chars() {
        if c == '=' {
            padding += 1;
            let filled = code.len() % 4;
            if filled >= 2 && filled + padding >= 4 {
                return Some(code);
            }
        } else if c.is_ascii_alphanumeric() || "+/".contains(c) {
            padding = 0;
            code.push(c);
        }
    }
    code.len().is_multiple_of(4).then_some(code)
}

/// The value of a list.
///
/// # Errors
/// Where the tag is none of a list, or its items are not what the tag asks for.
pub(super) fn list(items: Vec<Node>, tag: Option<&Tag>) -> Result<Value, String> {
    let Kind::Own(name) = kind(tag) else {
        return Ok(Value::List(items));
    };
    match name.as_str() {
        "omap" | "pairs" => {}
        "map" | "set" => return Err(format!("`!!{name}` is the tag of a mapping")),
        _ if is_of_scalars(&name) => return Err(format!("`!!{name}` is the tag of a single value")),
        _ => return Ok(Value::List(items)),
    }
    let mut pairs = Vec::with_capacity(items.len());
    for item in &items {
        match item.map() {
            Some([(key, value)]) => pairs.push((key.clone(), value.clone())),
            _ => return Err(format!("`!!{name}` is a list of mappings with one entry each")),
        }
    }
    if name == "pairs" {
        return Ok(Value::List(items));
    }
    let mut names = HashSet::new();
    if pairs.iter().all(|(key, _)| names.insert(key.identity())) {
        Ok(Value::Map(pairs))
    } else {
        Err("a key stands twice in an `!!omap`".to_owned())
    }
}

/// The value of a mapping.
///
/// # Errors
/// Where the tag is none of a mapping.
pub(super) fn map(entries: Vec<(Node, Node)>, tag: Option<&Tag>) -> Result<Value, String> {
    let Kind::Own(name) = kind(tag) else {
        return Ok(Value::Map(entries));
    };
    match name.as_str() {
        "set" => Ok(Value::Set(entries.into_iter().map(|(key, _)| key).collect())),
        "seq" | "omap" | "pairs" => Err(format!("`!!{name}` is the tag of a list")),
        _ if is_of_scalars(&name) => Err(format!("`!!{name}` is the tag of a single value")),
        _ => Ok(Value::Map(entries)),
    }
}

fn is_of_scalars(name: &str) -> bool {
    matches!(
        name,
        "str" | "int" | "float" | "bool" | "null" | "binary" | "timestamp"
    )
}

#[cfg(test)]
mod tests {
    use crate::yaml::read;

    #[test]
    fn tags_want_what_they_name() {
        for (text, good) in [
            ("!!map {a: 1}", true),
            ("!!map [a]", false),
            ("!!map a", false),
            ("!!seq [a]", true),
            ("!!seq {a: 1}", false),
            ("!!seq a", false),
            ("!!set {a, b}", true),
            ("!!set [a]", false),
            ("!!omap [a: 1, b: 2]", true),
            ("!!omap [a: 1, a: 2]", false),
            ("!!omap [{a: 1, b: 2}]", false),
            ("!!omap {a: 1}", false),
            ("!!pairs [a: 1, a: 2]", true),
            ("!!pairs [a]", false),
            ("!!str [a]", false),
            ("!!timestamp 2020-1-1", true),
            ("!!timestamp 2020-02-30", false),
            ("!!timestamp x", false),
            ("2020-02-30", false),
            ("'2020-02-30'", true),
            ("!!binary YWJj", true),
            ("!!binary YQ=", false),
            ("!!binary Y", false),
            ("!!binary 'YW Jj'", true),
            ("!mine [a]", true),
            ("!mine {a: 1}", true),
        ] {
            assert_eq!(read(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_foreign_type_is_no_text_and_a_lone_mark_no_tag() {
        let text = |yaml| read(yaml).expect("YAML").text().map(str::to_owned);
        assert_eq!(text("!mine a"), None);
        assert_eq!(text("!!binary YWJj"), None);
        assert_eq!(text("! a"), Some("a".to_owned()));
        assert_eq!(text("! '5'"), None);
        assert_eq!(text("!!str 5"), Some("5".to_owned()));
    }
}
