//! A plain JSON reader that keeps numbers as written and members in order, and the XML form of what it reads.

use std::fmt::Write;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    /// A number or boolean as written.
    Literal(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a list: an array's elements, or the value itself.
    pub(crate) fn repetitions(&self) -> Vec<&Json> {
        match self {
            Self::Array(values) => values.iter().collect(),
            value => vec![value],
        }
    }
}

/// All values of a text, one behind the other.
pub(crate) fn read_all(text: &str) -> Vec<Json> {
    let mut reader = Reader {
        chars: text.trim_start_matches('\u{feff}').chars().collect(),
        at: 0,
    };
    let mut values = Vec::new();
    reader.blanks();
    while reader.at < reader.chars.len() {
        values.push(reader.value());
        reader.blanks();
    }
    values
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn blanks(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| " \r\n\t".contains(*c)) {
            self.at += 1;
        }
    }

    fn take(&mut self) -> char {
        self.at += 1;
        self.chars[self.at - 1]
    }

    fn value(&mut self) -> Json {
        self.blanks();
        match self.chars[self.at] {
            '"' => Json::Text(self.string()),
            '{' => Json::Object(self.list('}', |reader| {
                reader.blanks();
                let name = reader.string();
                reader.blanks();
                assert_eq!(reader.take(), ':');
                (name, reader.value())
            })),
            '[' => Json::Array(self.list(']', Self::value)),
            _ => {
                let start = self.at;
                while self
                    .chars
                    .get(self.at)
                    .is_some_and(|c| !",]} \r\n\t".contains(*c))
                {
                    self.at += 1;
                }
                let literal: String = self.chars[start..self.at].iter().collect();
                if literal == "null" {
                    Json::Null
                } else {
                    Json::Literal(literal)
                }
            }
        }
    }

    fn list<T>(&mut self, close: char, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        self.take();
        let mut items = Vec::new();
        self.blanks();
        if self.chars[self.at] == close {
            self.take();
            return items;
        }
        loop {
            items.push(item(self));
            self.blanks();
            match self.take() {
                ',' => {}
                c => {
                    assert_eq!(c, close);
                    return items;
                }
            }
        }
    }

    fn string(&mut self) -> String {
        assert_eq!(self.take(), '"');
        let mut units = Vec::new();
        loop {
            let c = match self.take() {
                '"' => return String::from_utf16(&units).unwrap(),
                '\\' => match self.take() {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let digits: String = (0..4).map(|_| self.take()).collect();
                        units.push(u16::from_str_radix(&digits, 16).unwrap());
                        continue;
                    }
                    c => c,
                },
                c => c,
            };
            units.extend(c.encode_utf16(&mut [0; 2]).iter());
        }
    }
}

/// The XML form of resources, in a Bundle.
pub(crate) fn xml_bundle(resources: &[Json]) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Bundle xmlns=\"http://hl7.org/fhir\">");
    for json in resources {
        out.push_str("\n <entry>\n  <resource>");
        resource(json, &mut out);
        out.push_str("</resource></entry>");
    }
    out.push_str("</Bundle>\n");
    out
}

fn resource(json: &Json, out: &mut String) {
    let name = json.get("resourceType").and_then(Json::text).unwrap();
    let _ = write!(out, "<{name}>");
    members(json, name, true, out);
    let _ = write!(out, "</{name}>");
}

fn members(json: &Json, parent: &str, is_resource: bool, out: &mut String) {
    let Json::Object(members) = json else { return };
    for (name, value) in members {
        let attribute = !is_resource && (name == "id" || name == "url" && parent.ends_with("xtension"));
        let beside = name
            .strip_prefix('_')
            .is_some_and(|primitive| json.get(primitive).is_some());
        if attribute || beside || name == "resourceType" || name == "div" {
            continue;
        }
        let (primitive, extensions) = match name.strip_prefix('_') {
            Some(primitive) => (primitive, value.repetitions()),
            None => (
                &**name,
                json.get(&format!("_{name}"))
                    .map(Json::repetitions)
                    .unwrap_or_default(),
            ),
        };
        let values = if name.starts_with('_') {
            Vec::new()
        } else {
            value.repetitions()
        };
        for place in 0..values.len().max(extensions.len()) {
            let value = values.get(place).copied().unwrap_or(&Json::Null);
            element(
                primitive,
                value,
                extensions.get(place).copied().unwrap_or(&Json::Null),
                out,
            );
        }
    }
}

fn element(name: &str, value: &Json, extension: &Json, out: &mut String) {
    let _ = write!(out, "<{name}");
    for json in [value, extension] {
        for attribute in ["id", "url"] {
            let wanted = attribute == "id" || name.ends_with("xtension");
            if let Some(text) = json.get(attribute).and_then(Json::text)
                && wanted
                && json.get("resourceType").is_none()
            {
                let _ = write!(out, " {attribute}=\"{}\"", escape(text));
            }
        }
    }
    if let Json::Text(text) | Json::Literal(text) = value {
        let _ = write!(out, " value=\"{}\"", escape(text));
    }
    out.push('>');
    if value.get("resourceType").is_some() {
        resource(value, out);
    } else {
        members(value, name, false, out);
    }
    members(extension, name, false, out);
    let _ = write!(out, "</{name}>");
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
