use std::collections::BTreeSet;
use std::rc::Rc;

use super::date;
use crate::Place;

/// The most nodes of a list or mapping that is looked at as a key.
const KEY_NODES: usize = 10_000;

/// A value of a YAML document and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value begins.
    pub at: Place,
    /// The value; aliases share it.
    pub value: Rc<Value>,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a point, or too large to be whole here.
    Float(f64),
    /// A date or a date and time, as written.
    Date(String),
    /// A text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Vec<(Node, Node)>),
    /// A mapping's keys alone.
    Set(Vec<Node>),
    /// Bytes, as base64.
    Bytes(String),
    /// A value of a type that is not YAML's own, as written.
    Tagged(String),
    /// An alias to a node that encloses it.
    Endless,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    pub(crate) fn new(at: Place, value: Value) -> Self {
        Self {
            at,
            value: Rc::new(value),
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &*self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a mapping.
    #[must_use]
    pub fn map(&self) -> Option<&[(Node, Node)]> {
        match &*self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(*self.value, Value::Null)
    }

    /// What sort of value it is, for a message.
    pub(crate) fn sort(&self) -> &'static str {
        match *self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Date(_) => "a date",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Set(_) => "a set",
            Value::Bytes(_) => "bytes",
            Value::Tagged(_) => "a value of a foreign type",
            Value::Endless => "an alias of what encloses it",
        }
    }

    /// The name that a key stands for: numbers, dates and `null` are names as they would be printed.
    pub(crate) fn name(&self) -> String {
        match &*self.value {
            Value::Text(text) | Value::Date(text) | Value::Bytes(text) | Value::Tagged(text) => text.clone(),
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::List(_) | Value::Map(_) | Value::Set(_) | Value::Endless => format!("({})", self.sort()),
        }
    }

    /// What makes two keys the same key: `1`, `1.0` and `true` are one, the text `1` is another.
    pub(crate) fn identity(&self) -> String {
        // Bounded, since aliases of aliases can be longer than any memory.
        self.identity_within(&mut KEY_NODES.clone())
            .unwrap_or_else(|| "large".to_owned())
    }

    fn identity_within(&self, budget: &mut usize) -> Option<String> {
        *budget = budget.checked_sub(1)?;
        Some(match &*self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("n{}", u8::from(*value)),
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "looks whether anything is lost"
            )]
            Value::Int(value) if (*value as f64) as i128 == *value => format!("n{}", *value as f64),
            Value::Int(value) => format!("i{value}"),
            // Minus zero is zero.
            Value::Float(value) => format!("n{}", value + 0.0),
            Value::Date(text) => {
                let moment = date::read(text).and_then(|stamp| stamp.moment());
                format!("d{}", moment.unwrap_or_else(|| text.clone()))
            }
            Value::Text(text) => format!("s{text}"),
            Value::Bytes(text) => format!("b{text}"),
            // Each is a key of its own.
            Value::Tagged(_) => format!("t{}", self.at),
            Value::List(items) | Value::Set(items) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|item| item.identity_within(budget)).collect();
                format!("l{:?}", items?)
            }
            Value::Map(entries) => {
                let entries: Option<BTreeSet<(String, String)>> = entries
                    .iter()
                    .map(|(key, value)| Some((key.identity_within(budget)?, value.identity_within(budget)?)))
                    .collect();
                format!("m{:?}", entries?)
            }
            Value::Endless => "endless".to_owned(),
        })
    }

    /// Whether it can be a key: single values, and lists and mappings of single values.
    pub(crate) fn can_be_key(&self) -> bool {
        let is_single = |node: &Self| {
            !matches!(
                *node.value,
                Value::List(_) | Value::Map(_) | Value::Set(_) | Value::Endless
            )
        };
        match &*self.value {
            Value::List(items) => items.iter().all(is_single),
            Value::Map(entries) => entries.iter().all(|(_, value)| is_single(value)),
            _ => is_single(self),
        }
    }

    /// The value as JSON in the order of the file: blanks behind `,` and `:`, ASCII only, apostrophes escaped, so that it can
    /// be quoted by hand. `None` if it has more than `budget` nodes (aliases of aliases).
    pub(crate) fn to_json(&self, budget: &mut usize) -> Option<String> {
        *budget = budget.checked_sub(1)?;
        Some(match &*self.value {
            Value::Null | Value::Endless => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) if value.is_nan() => "NaN".to_owned(),
            Value::Float(value) if value.is_infinite() => {
                format!("{}Infinity", if *value < 0.0 { "-" } else { "" })
            }
            Value::Float(value) => format!("{value:?}"),
            Value::Date(text) | Value::Text(text) | Value::Bytes(text) | Value::Tagged(text) => {
                json_text(text)
            }
            Value::List(items) | Value::Set(items) => {
                let items: Option<Vec<String>> = items.iter().map(|item| item.to_json(budget)).collect();
                format!("[{}]", items?.join(", "))
            }
            Value::Map(entries) => {
                let entries: Option<Vec<String>> = entries
                    .iter()
                    .map(|(key, value)| {
                        Some(format!("{}: {}", json_text(&key.name()), value.to_json(budget)?))
                    })
                    .collect();
                format!("{{{}}}", entries?.join(", "))
            }
        })
    }
}

fn json_text(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\'' {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
