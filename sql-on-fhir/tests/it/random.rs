//! Random views over random resources give what the oracle gives, from JSON and from XML.
//!
//! Some hundreds in every run, with a fixed seed; `VIEW_CASES` and `VIEW_SEED` ask for a campaign.

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use sql_on_fhir::{Format, Run, RunOptions, ViewDefinition, Views};

use crate::oracle::{Column, Each, Expression as E, Select, View};
use crate::xml;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

const WORDS: [&str; 6] = ["a", "b", "official", "x\"y", "ä,ö", "l\nm"];

/// What an element is.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
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
fn elements(shape: Shape) -> &'static [(&'static str, Shape, bool)] {
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

fn resource(random: &mut Random, shape: Shape, depth: usize) -> Value {
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

/// A path from a shape, and the shape it ends in.
fn path(random: &mut Random, from: Shape, depth: usize) -> (E, Shape) {
    let mut expr = E::This;
    let mut shape = from;
    for _ in 0..=random.below(3) {
        let below = elements(shape);
        if below.is_empty() {
            break;
        }
        let (name, next, _) = below[random.below(below.len())];
        expr = match name {
            "value" if random.one_in(2) => {
                let t = random.of(&["string", "integer"]);
                shape = if t == "string" { Shape::Text } else { Shape::Number };
                E::Typed(expr.into(), "value", t)
            }
            "extension" if random.one_in(2) => {
                shape = next;
                E::Extension(expr.into(), random.of(&["u1", "u2"]))
            }
            _ => {
                shape = next;
                E::Child(expr.into(), name)
            }
        };
        if name == "value" && shape == Shape::Text && !matches!(expr, E::Typed(..)) {
            // Of either type, so nothing is done with it but to look whether it is there.
            return (expr, Shape::Reference);
        }
        if random.one_in(6) && depth < 2 {
            expr = E::Where(expr.into(), condition(random, shape, depth + 1).into());
        }
        if random.one_in(6) {
            expr = E::Index(expr.into(), random.below(3));
        }
        if random.one_in(5) {
            expr = E::First(expr.into());
        }
    }
    (expr, shape)
}

/// A path that ends in this shape, if chance finds one.
fn path_to(random: &mut Random, from: Shape, wanted: Shape, depth: usize) -> Option<E> {
    (0..12).find_map(|_| {
        let (expr, shape) = path(random, from, depth);
        (shape == wanted).then_some(expr)
    })
}

fn condition(random: &mut Random, from: Shape, depth: usize) -> E {
    let nested = |random: &mut Random| Box::new(condition(random, from, depth + 1));
    match random.below(if depth < 3 { 9 } else { 5 }) {
        0 => E::Exists(path(random, from, depth).0.into()),
        1 => E::Empty(path(random, from, depth).0.into()),
        2 => {
            let left = path_to(random, from, Shape::Text, depth).unwrap_or(E::Text("a".into()));
            let right = if random.one_in(3) {
                path_to(random, from, Shape::Text, depth).unwrap_or(E::Text("a".into()))
            } else {
                E::Text(random.of(&["a", "b", "official"]).into())
            };
            let both = (left.into(), right.into());
            match random.below(4) {
                0 => E::Unequal(both.0, both.1),
                1 => E::Less(first(both.0), first(both.1)),
                _ => E::Equal(both.0, both.1),
            }
        }
        3 => {
            let left = path_to(random, from, Shape::Number, depth).unwrap_or(E::Number(1));
            let right = E::Number(random.below(4) as i64).into();
            match random.below(3) {
                0 => E::Equal(left.into(), right),
                1 => E::Less(first(left.into()), right),
                _ => E::AtLeast(first(left.into()), right),
            }
        }
        4 => E::Boolean(random.one_in(2)),
        5 => E::Not(nested(random)),
        6 => E::And(nested(random), nested(random)),
        7 => E::Or(nested(random), nested(random)),
        _ => path_to(random, from, Shape::Boolean, depth).unwrap_or(E::Boolean(true)),
    }
}

fn first(of: Box<E>) -> Box<E> {
    match *of {
        E::Text(_) | E::Number(_) => of,
        of => E::First(of.into()).into(),
    }
}

struct Views_<'r> {
    random: &'r mut Random,
    names: usize,
}

impl Views_<'_> {
    fn column(&mut self, from: Shape) -> Column {
        self.names += 1;
        let name = format!("c{}", self.names);
        let random = &mut *self.random;
        let text = |expr| (expr, "string");
        let (expr, type_name) = match random.below(10) {
            0 => (E::RowIndex, "integer"),
            1 => (condition(random, from, 0), "boolean"),
            2 => text(E::Text(random.of(&["k", ""]).into())),
            3 => text(E::Join(
                path_to(random, from, Shape::Text, 0)
                    .unwrap_or(E::Text("q".into()))
                    .into(),
                random.of(&["", ", ", "-"]),
            )),
            4 => {
                let number = path_to(random, from, Shape::Number, 0).unwrap_or(E::Number(7));
                let other = Box::new(E::Number(random.below(9) as i64));
                let number = first(number.into());
                let sum = if random.one_in(2) {
                    E::Plus(number, other)
                } else {
                    E::Times(number, other)
                };
                (sum, "decimal")
            }
            5 if from == Shape::Patient => match random.below(3) {
                0 => text(E::ResourceKey),
                n => {
                    let link = E::Child(E::This.into(), "link");
                    let wanted = (n == 1).then_some("Patient");
                    text(E::First(E::ReferenceKey(link.into(), wanted).into()))
                }
            },
            6 => match path_to(random, from, Shape::Number, 0) {
                Some(number) => (E::First(number.into()), "decimal"),
                None => (E::Number(3), "integer"),
            },
            _ => match path_to(random, from, Shape::Text, 0) {
                Some(expr) if random.one_in(3) => text(expr),
                Some(expr) => text(E::First(expr.into())),
                None if from == Shape::Text => text(E::This),
                None => text(E::Text("n".into())),
            },
        };
        Column {
            name,
            expr,
            type_name,
            collection: random.one_in(6),
        }
    }

    fn select(&mut self, from: Shape, depth: usize) -> Select {
        let (each, inside) = match self.random.below(6) {
            0 | 1 => {
                let (expr, shape) = path(self.random, from, 0);
                if elements(from).is_empty() {
                    (Each::Once, from)
                } else if self.random.one_in(2) {
                    (Each::All(expr), shape)
                } else {
                    (Each::AllOrNull(expr), shape)
                }
            }
            2 | 3 if matches!(from, Shape::Patient | Shape::Item | Shape::Answer) => {
                let item = E::Child(E::This.into(), "item");
                let answer = E::Child(E::Child(E::This.into(), "answer").into(), "item");
                let filtered = E::Where(item.clone().into(), condition(self.random, Shape::Item, 2).into());
                let paths = match self.random.below(4) {
                    0 => vec![item, answer],
                    1 => vec![answer, item],
                    2 => vec![filtered],
                    _ => vec![item],
                };
                (Each::Repeat(paths), Shape::Item)
            }
            _ => (Each::Once, from),
        };
        let columns = (0..1 + self.random.below(3))
            .map(|_| self.column(inside))
            .collect();
        let selects = match self.random.below(4) {
            0 if depth < 3 => (0..1 + self.random.below(2))
                .map(|_| self.select(inside, depth + 1))
                .collect(),
            _ => Vec::new(),
        };
        let union = if depth < 2 && self.random.one_in(6) {
            let branch = self.select(inside, depth + 2);
            let mut other = branch.clone();
            other.each = Each::Once;
            // Another branch has the same columns; what fills them may differ.
            let shape_kept = matches!(branch.each, Each::Once);
            if shape_kept {
                vec![branch, other]
            } else {
                vec![branch.clone(), branch]
            }
        } else {
            Vec::new()
        };
        Select {
            each,
            columns,
            selects,
            union,
        }
    }
}

fn run(views: &Views, page: &str, threads: usize) -> Result<Vec<Value>, String> {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept::default();
    let mut options = RunOptions::default();
    options.format = Format::NdJson;
    options.threads = threads;
    options.row_limit = 100_000;
    let mut run = Run::new(views, options, &mut |_| Ok(Box::new(kept.clone()))).map_err(|e| e.to_string())?;
    run.read(page.as_bytes()).map_err(|e| e.to_string())?;
    run.finish().map_err(|e| e.to_string())?;
    let text = kept.0.lock().expect("no panic");
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    Ok(lines
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect())
}

/// Numbers of equal value alike, and no member in another order.
fn normal(row: &Value) -> Value {
    match row {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(members) => {
            let mut sorted: Vec<_> = members
                .iter()
                .map(|(name, value)| (name.clone(), normal(value)))
                .collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(sorted.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

#[test]
fn random_views_give_what_the_oracle_gives() {
    let cases = asked("VIEW_CASES", 250);
    let mut random = Random(asked("VIEW_SEED", 20_261_128).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut compared, mut refused, mut rows_seen, mut misfits) = (0_u64, 0_u64, 0_u64, 0_u64);
    for case in 0..cases {
        let mut made = Views_ {
            random: &mut random,
            names: 0,
        };
        let selects = (0..1 + made.random.below(2))
            .map(|_| made.select(Shape::Patient, 0))
            .collect();
        let wheres = (0..made.random.below(2))
            .map(|_| condition(made.random, Shape::Patient, 0))
            .collect();
        let view = View { wheres, selects };
        let json = view.json();
        let compiled = ViewDefinition::from_value(&json).and_then(|view| Views::new(&[view]));
        let views = match compiled {
            Ok(views) => views,
            Err(_) => {
                refused += 1;
                continue;
            }
        };
        for _ in 0..4 {
            let resource = resource(&mut random, Shape::Patient, 0);
            let expected = view.rows(&resource);
            if expected.as_ref().is_ok_and(|rows| rows.len() > 2_000) {
                continue;
            }
            let expected: Result<Vec<Value>, ()> =
                expected.map(|rows| rows.into_iter().map(|row| normal(&row.into())).collect());
            for (format, page) in [("JSON", resource.to_string()), ("XML", xml::document(&resource))] {
                let got = run(&views, &page, 1);
                let told = got.as_ref().err().cloned();
                let got: Result<Vec<Value>, ()> =
                    got.map(|rows| rows.iter().map(normal).collect()).map_err(drop);
                assert_eq!(
                    got, expected,
                    "case {case} from {format}: {told:?}\n{json:#}\n{resource:#}"
                );
            }
            compared += 1;
            match &expected {
                Ok(rows) => rows_seen += rows.len() as u64,
                Err(()) => misfits += 1,
            }
        }
    }
    println!("{compared} compared, {rows_seen} rows, {misfits} did not fit, {refused} views refused");
    assert!(refused * 10 < cases, "{refused} of {cases} views were refused");
    assert!(misfits * 2 < compared, "{misfits} of {compared} did not fit");
}

#[test]
fn threads_give_the_rows_of_one_in_order() {
    let mut random = Random(7);
    let view = json!({"resource": "Patient", "select": [
        {"column": [{"name": "id", "path": "id"}]},
        {"forEachOrNull": "name", "column": [{"name": "given", "path": "given", "collection": true}]},
    ]});
    let view = ViewDefinition::from_value(&view).expect("a view");
    let views = Views::new(&[view]).expect("compiles");
    let page: String = (0..8_000)
        .map(|_| resource(&mut random, Shape::Patient, 0).to_string() + "\n")
        .collect();
    let one = run(&views, &page, 1).expect("fits");
    assert!(one.len() > 8_000);
    for threads in 2..4 {
        assert_eq!(run(&views, &page, threads).expect("fits"), one);
    }
}
