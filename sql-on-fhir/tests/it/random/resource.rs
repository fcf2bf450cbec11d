//! Random resources of a small type: repetitions, values in extensions, items within items, texts with marks of CSV and JSON.

use serde_json::{Map, Value, json};

use super::numbers::Random;

const WORDS: [&str; 6] = ["a", "b", "official", "x\"y", "ä,ö", "l\nm"];

/// What an element is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Patient,
    Name,
    Contact,
    Item,
    Answer,
    Reference,
    Extension,
    Text,
    Number,
    Boolean,
}

/// Elements below a shape: name, shape, whether it repeats.
pub(super) fn elements(shape: Shape) -> &'static [(&'static str, Shape, bool)] {
    match shape {
        Shape::Patient => &[
            ("id", Shape::Text, false),
            ("active", Shape::Boolean, false),
            ("size", Shape::Number, false),
            ("language", Shape::Text, false),
            ("name", Shape::Name, true),
            ("contact", Shape::Contact, true),
            ("item", Shape::Item, true),
            ("link", Shape::Reference, true),
            ("extension", Shape::Extension, true),
        ],
        Shape::Name => &[
            ("use", Shape::Text, false),
            ("family", Shape::Text, false),
            ("given", Shape::Text, true),
            ("extension", Shape::Extension, true),
        ],
        Shape::Contact => &[("name", Shape::Name, false), ("rank", Shape::Number, false)],
        Shape::Item => &[
            ("linkId", Shape::Text, false),
            ("item", Shape::Item, true),
            ("answer", Shape::Answer, true),
        ],
        Shape::Answer => &[("value", Shape::Text, false), ("item", Shape::Item, true)],
        Shape::Extension => &[("url", Shape::Text, false), ("value", Shape::Text, false)],
        Shape::Reference => &[("reference", Shape::Text, false)],
        Shape::Text | Shape::Number | Shape::Boolean => &[],
    }
}

fn primitive(random: &mut Random, shape: Shape) -> Value {
    match shape {
        Shape::Boolean => json!(random.one_in(2)),
        Shape::Number => random
            .of(&[json!(1), json!(2), json!(2.5), json!(-3)].each_ref())
            .clone(),
        _ => json!(random.of(&WORDS)),
    }
}

pub(super) fn resource(random: &mut Random, shape: Shape, depth: usize) -> Value {
    let mut out = Map::new();
    for &(name, below, repeats) in elements(shape) {
        if random.one_in(2) && name != "url" || depth > 4 && matches!(below, Shape::Item | Shape::Answer) {
            continue;
        }
        if name == "value" {
            let (name, value) = match random.below(2) {
                0 => ("valueString", primitive(random, Shape::Text)),
                _ => ("valueInteger", json!(random.below(4))),
            };
            out.insert(name.to_owned(), value);
            continue;
        }
        if name == "reference" {
            let text = format!("{}/{}", random.of(&["Patient", "Group"]), random.of(&["a", "b"]));
            out.insert(name.to_owned(), text.into());
            continue;
        }
        if name == "url" {
            out.insert(name.to_owned(), random.of(&["u1", "u2"]).into());
            continue;
        }
        let count = if repeats { 1 + random.below(3) } else { 1 };
        let mut plain = Vec::new();
        let mut beside = Vec::new();
        for _ in 0..count {
            if elements(below).is_empty() {
                let extended = random.one_in(8) && name != "id";
                let missing = extended && random.one_in(2);
                plain.push(if missing {
                    Value::Null
                } else {
                    primitive(random, below)
                });
                beside.push(if extended {
                    json!({"extension": [{"url": random.of(&["u1", "u2"]), "valueString": random.of(&WORDS)}]})
                } else {
                    Value::Null
                });
            } else {
                plain.push(resource(random, below, depth + 1));
            }
        }
        let some = |items: &[Value]| items.iter().any(|item| !item.is_null());
        for (name, items) in [(name.to_owned(), plain), (format!("_{name}"), beside)] {
            if some(&items) {
                let value = if repeats { items.into() } else { items[0].clone() };
                out.insert(name, value);
            }
        }
    }
    if shape == Shape::Patient {
        out.insert("resourceType".to_owned(), "Patient".into());
    }
    if out.is_empty() && shape == Shape::Item {
        out.insert("linkId".to_owned(), "e".into());
    }
    out.into()
}
