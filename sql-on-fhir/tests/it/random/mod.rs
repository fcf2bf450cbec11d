//! Random views over random resources give what the oracle gives, from JSON and from XML.
//!
//! Some hundreds in every run, with a fixed seed; `VIEW_CASES` and `VIEW_SEED` ask for a campaign.

mod numbers;
mod resource;
mod view;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sql_on_fhir::{Format, Run, RunOptions, ViewDefinition, Views};

use crate::oracle::{Stop, View};
use crate::xml;

use numbers::Random;
use resource::{Shape, resource};
use view::{Views_, condition};

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
            let expected = match view.rows(&resource) {
                Err(Stop::TooMany) => continue,
                Ok(rows) if rows.len() > 2_000 => continue,
                expected => expected,
            };
            let expected: Result<Vec<Value>, ()> = expected
                .map(|rows| rows.into_iter().map(|row| normal(&row.into())).collect())
                .map_err(drop);
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
