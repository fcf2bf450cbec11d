use serde_json::Value;

use super::object::Object;
use crate::compile::{Class, class_of_primitive};

/// A constant of a view.
#[derive(Clone, Debug)]
pub(crate) struct Constant {
    pub(crate) name: String,
    pub(crate) class: Class,
    pub(crate) text: String,
}

/// Types a constant can have.
const TYPES: [&str; 19] = [
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "date",
    "dateTime",
    "decimal",
    "id",
    "instant",
    "integer",
    "integer64",
    "markdown",
    "oid",
    "string",
    "positiveInt",
    "time",
    "unsignedInt",
    "uri",
    "url",
];

/// `valueDateTime` → `dateTime`
fn type_of(member: &str) -> Option<&'static str> {
    let rest = member.strip_prefix("value")?;
    TYPES
        .iter()
        .chain(&["uuid"])
        .find(|known| {
            let mut chars = known.chars();
            let first = chars.next().map(|c| c.to_ascii_uppercase());
            rest.chars().next() == first && rest.get(1..) == Some(chars.as_str())
        })
        .copied()
}

pub(super) fn read(mut object: Object<'_, '_>) -> Option<Constant> {
    let name = object.required("name")?;
    if !super::read::is_sql_name(name) {
        object.fault("name", super::read::SQL_NAME);
    }
    if name == "rowIndex" {
        object.fault("name", "another name: %rowIndex is the number of the row");
    }
    let values: Vec<&String> = object.names().filter(|name| name.starts_with("value")).collect();
    let [member] = values.as_slice() else {
        let expected = if values.is_empty() {
            "a constant with a value[x]"
        } else {
            "a constant with one value[x]"
        };
        object.fault("", expected);
        return None;
    };
    let Some(type_name) = type_of(member) else {
        object.fault(member, "a value[x] of a primitive type");
        return None;
    };
    let class = class_of_primitive(type_name)?;
    let text = match (class, object.get(member)?) {
        (Class::Boolean, Value::Bool(is)) => is.to_string(),
        (Class::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        // An integer64 is a string in JSON.
        (Class::Integer, Value::String(text)) if type_name == "integer64" && text.parse::<i64>().is_ok() => {
            text.clone()
        }
        (Class::Decimal, Value::Number(number)) => number.to_string(),
        (Class::Boolean | Class::Integer | Class::Decimal, _) => {
            object.fault(member, &format!("a value of the type {type_name}"));
            return None;
        }
        (class, Value::String(text)) => {
            use crate::eval::temporal::Moment;
            let fits = match class {
                Class::Date | Class::DateTime => Moment::date_time(text).is_some(),
                Class::Time => Moment::time(text).is_some(),
                _ => true,
            };
            if !fits {
                object.fault(member, &format!("a value of the type {type_name}"));
            }
            text.clone()
        }
        _ => {
            object.fault(member, &format!("a value of the type {type_name}"));
            return None;
        }
    };
    object.known(&["name", member.as_str()]);
    Some(Constant {
        name: name.to_owned(),
        class,
        text,
    })
}
