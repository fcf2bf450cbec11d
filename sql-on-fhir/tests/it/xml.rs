//! FHIR's JSON as its XML, so that both can be asked for the same rows.

use serde_json::{Map, Value};

/// The XML document of a resource.
pub(crate) fn document(resource: &Value) -> String {
    let mut out = String::new();
    let members = resource.as_object().expect("a resource");
    write_resource(members, &mut out, true);
    out
}

fn write_resource(members: &Map<String, Value>, out: &mut String, root: bool) {
    let name = members["resourceType"].as_str().expect("a type");
    out.push_str(&format!("<{name}"));
    if root {
        out.push_str(" xmlns=\"http://hl7.org/fhir\"");
    }
    out.push('>');
    write_members(members, out, true, false);
    out.push_str(&format!("</{name}>"));
}

fn write_members(members: &Map<String, Value>, out: &mut String, resource: bool, extension: bool) {
    for (name, value) in members {
        let name = name.strip_prefix('_').map_or(name.as_str(), |plain| {
            if members.contains_key(plain) { "" } else { plain }
        });
        if name.is_empty()
            || name == "resourceType"
            || !resource && name == "id"
            || extension && name == "url"
        {
            continue;
        }
        let plain = members.get(name);
        let beside = members.get(&format!("_{name}"));
        let _ = value;
        match (plain, beside) {
            (Some(Value::Array(items)), beside) => {
                for (at, item) in items.iter().enumerate() {
                    let beside = beside.and_then(|b| b.get(at)).filter(|b| !b.is_null());
                    write_element(name, Some(item).filter(|i| !i.is_null()), beside, out);
                }
            }
            (None, Some(Value::Array(items))) => {
                for item in items {
                    write_element(name, None, Some(item).filter(|i| !i.is_null()), out);
                }
            }
            (plain, beside) => write_element(name, plain, beside, out),
        }
    }
}

fn write_element(name: &str, value: Option<&Value>, beside: Option<&Value>, out: &mut String) {
    let parts = match value {
        Some(Value::Object(members)) => Some(members),
        _ => beside.and_then(Value::as_object),
    };
    if value.is_none() && beside.is_none() {
        return;
    }
    out.push_str(&format!("<{name}"));
    let attribute = |member: &str| parts.and_then(|parts| parts.get(member)).and_then(Value::as_str);
    let holds_resource = parts.is_some_and(|parts| parts.contains_key("resourceType"));
    let is_extension = matches!(name, "extension" | "modifierExtension");
    if !holds_resource && let Some(id) = attribute("id") {
        out.push_str(&format!(" id=\"{}\"", escaped(id)));
    }
    if is_extension && let Some(url) = attribute("url") {
        out.push_str(&format!(" url=\"{}\"", escaped(url)));
    }
    match value {
        Some(Value::String(text)) => out.push_str(&format!(" value=\"{}\"", escaped(text))),
        Some(plain @ (Value::Bool(_) | Value::Number(_))) => out.push_str(&format!(" value=\"{plain}\"")),
        _ => {}
    }
    out.push('>');
    match parts {
        Some(parts) if holds_resource => write_resource(parts, out, false),
        Some(parts) => write_members(parts, out, false, is_extension),
        None => {}
    }
    out.push_str(&format!("</{name}>"));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
        .replace('\r', "&#13;")
        .replace('\t', "&#9;")
}
