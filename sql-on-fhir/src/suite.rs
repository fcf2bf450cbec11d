//! The public test suite of SQL on FHIR: files of resources and views with the rows they have to give.
//!
//! The report is in the form the registry of implementations takes.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::{Format, Run, RunOptions, ViewDefinition, Views};

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Its title.
    pub name: String,
    /// Why it failed; none if it passed.
    pub failure: Option<String>,
}

/// Runs the tests of a file.
///
/// # Errors
/// What of its form is not that of a test file.
pub fn run_file(text: &[u8]) -> Result<Vec<TestResult>, String> {
    let file: Value = serde_json::from_slice(text).map_err(|_| "no JSON".to_owned())?;
    let mut page = Vec::new();
    for resource in file
        .get("resources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        page.extend_from_slice(resource.to_string().as_bytes());
        page.push(b'\n');
    }
    run_tests(&file, &[page])
}

/// Runs the tests of a file over pages that hold its resources.
///
/// # Errors
/// As [`run_file`].
pub fn run_tests(file: &Value, pages: &[Vec<u8>]) -> Result<Vec<TestResult>, String> {
    let tests = file
        .get("tests")
        .and_then(Value::as_array)
        .ok_or("no array `tests`")?;
    let results = tests.iter().map(|test| TestResult {
        name: text(test, "title").to_owned(),
        failure: check(test, pages).err(),
    });
    Ok(results.collect())
}

/// The report of all files by name.
#[must_use]
pub fn report(files: &BTreeMap<String, Vec<TestResult>>) -> Value {
    let files = files.iter().map(|(name, tests)| {
        let tests = tests.iter().map(|test| {
            let result = match &test.failure {
                None => json!({"passed": true}),
                Some(reason) => json!({"passed": false, "reason": reason}),
            };
            json!({"name": test.name, "result": result})
        });
        (name.clone(), json!({"tests": tests.collect::<Vec<_>>()}))
    });
    Value::Object(files.collect())
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn check(test: &Value, pages: &[Vec<u8>]) -> Result<(), String> {
    let view = test.get("view").ok_or("no view")?;
    let got = rows(view, pages);
    if test.get("expectError").and_then(Value::as_bool) == Some(true) {
        return match got {
            Ok(_) => Err("an error was expected".to_owned()),
            Err(_) => Ok(()),
        };
    }
    let (columns, mut got) = got?;
    if let Some(expected) = test.get("expectColumns") {
        let columns: Value = columns.iter().cloned().collect();
        if *expected != columns {
            return Err("other columns".to_owned());
        }
    }
    let mut expected: Vec<Value> = match test.get("expect").and_then(Value::as_array) {
        Some(rows) => rows.clone(),
        None if test.get("expectCount").is_some() => {
            let count = test.get("expectCount").and_then(Value::as_u64);
            return if count == Some(got.len() as u64) {
                Ok(())
            } else {
                Err("another number of rows".to_owned())
            };
        }
        None => return Ok(()),
    };
    let names: Vec<String> = columns;
    for row in &mut expected {
        *row = normal(row, &names);
    }
    for row in &mut got {
        *row = normal(row, &names);
    }
    expected.sort_by_key(Value::to_string);
    got.sort_by_key(Value::to_string);
    if expected == got {
        return Ok(());
    }
    Err(format!(
        "expected {} rows, got {} that differ",
        expected.len(),
        got.len()
    ))
}

/// A row with all columns in their order of name, numbers of equal value written alike.
fn normal(row: &Value, names: &[String]) -> Value {
    let mut out = Map::new();
    for (name, value) in row.as_object().into_iter().flatten() {
        out.insert(name.clone(), number(value));
    }
    for name in names {
        out.entry(name.clone()).or_insert(Value::Null);
    }
    let mut members: Vec<(String, Value)> = out.into_iter().collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(members.into_iter().collect())
}

fn number(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, |number| json!(number)),
        Value::Array(items) => items.iter().map(number_of).collect(),
        other => other.clone(),
    }
}

fn number_of(value: &Value) -> Value {
    number(value)
}

/// Columns and rows of a view over pages.
///
/// # Errors
/// Why the view is refused or a resource does not fit it.
pub fn rows(view: &Value, pages: &[Vec<u8>]) -> Result<(Vec<String>, Vec<Value>), String> {
    let view = ViewDefinition::from_value(view).map_err(|error| error.to_string())?;
    let views = Views::new(&[view]).map_err(|error| error.to_string())?;
    let options = RunOptions {
        format: Format::NdJson,
        ..RunOptions::default()
    };
    let kept = Kept::default();
    let mut run =
        Run::new(&views, options, &mut |_| Ok(Box::new(kept.clone()))).map_err(|error| error.to_string())?;
    for page in pages {
        run.read(page.as_slice()).map_err(|error| error.to_string())?;
    }
    run.finish().map_err(|error| error.to_string())?;
    let columns = views.columns(0).map(|(name, _)| name.to_owned()).collect();
    let out = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = out
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    Ok((columns, rows))
}

/// An output kept in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
