use serde_json::{Map, Value};

use super::Lint;
use crate::{Fault, FaultKind};

/// An object being read, its place, and where its faults go.
pub(super) struct Object<'v, 'f> {
    members: &'v Map<String, Value>,
    pub(super) pointer: String,
    pub(super) found: &'f mut Found,
}

/// What was found wanting so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) faults: Vec<Fault>,
    pub(super) lints: Vec<Lint>,
}

impl Found {
    pub(super) fn fault(&mut self, pointer: &str, expected: &str) {
        self.faults.push(Fault::new(
            pointer,
            FaultKind::Definition {
                expected: expected.to_owned(),
            },
        ));
    }

    pub(super) fn lint(&mut self, pointer: &str, message: impl Into<String>) {
        self.lints.push(Lint {
            pointer: pointer.to_owned(),
            message: message.into(),
        });
    }
}

impl<'v, 'f> Object<'v, 'f> {
    /// The value as an object, or a fault.
    pub(super) fn of(value: &'v Value, pointer: &str, found: &'f mut Found) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self {
                members,
                pointer: pointer.to_owned(),
                found,
            }),
            _ => {
                found.fault(pointer, "an object");
                None
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'v String> + use<'v> {
        self.members.keys()
    }

    pub(super) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }

    pub(super) fn fault(&mut self, name: &str, expected: &str) {
        let pointer = if name.is_empty() {
            self.pointer.clone()
        } else {
            self.at(name)
        };
        self.found.fault(&pointer, expected);
    }

    /// A text; a fault if it is something else or empty.
    pub(super) fn text(&mut self, name: &str) -> Option<&'v str> {
        match self.get(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            _ => {
                self.fault(name, "a text");
                None
            }
        }
    }

    /// A text that has to be there.
    pub(super) fn required(&mut self, name: &str) -> Option<&'v str> {
        if self.get(name).is_none() {
            self.fault(name, "a text, which is required");
        }
        self.text(name)
    }

    pub(super) fn boolean(&mut self, name: &str) -> bool {
        match self.get(name) {
            None => false,
            Some(Value::Bool(is)) => *is,
            Some(_) => {
                self.fault(name, "true or false");
                false
            }
        }
    }

    /// The items of an array, each with its pointer; a fault if it is something else.
    pub(super) fn array(&mut self, name: &str) -> Vec<(&'v Value, String)> {
        match self.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(at, item)| (item, format!("{}/{name}/{at}", self.pointer)))
                .collect(),
            Some(_) => {
                self.fault(name, "an array");
                Vec::new()
            }
        }
    }

    /// Says which members nobody reads, such as one written in other case.
    pub(super) fn known(&mut self, known: &[&str]) {
        for name in self.names() {
            let plain = name.strip_prefix('_').unwrap_or(name);
            if !known.contains(&plain) && !matches!(plain, "id" | "extension" | "modifierExtension") {
                let pointer = self.at(name);
                let near = known.iter().find(|known| known.eq_ignore_ascii_case(plain));
                let message = match near {
                    Some(near) => format!("is not read; it is written {near}"),
                    None => format!("is not read; known are {}", known.join(", ")),
                };
                self.found.lint(&pointer, message);
            }
        }
    }
}
