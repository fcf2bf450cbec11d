//! Rows in the form an answer has.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::asked::Shape;

/// Puts what was made in its place, in the form asked for.
pub(super) fn shaped(shape: Shape, made: &Path, path: &Path) -> io::Result<()> {
    let (open, between, close, row): (&[u8], &[u8], &[u8], fn(&str) -> io::Result<String>) = match shape {
        Shape::Csv | Shape::Parquet | Shape::NdJson => {
            return if made == path {
                Ok(())
            } else {
                std::fs::rename(made, path)
            };
        }
        Shape::Json => (b"[", b",\n", b"]\n", |line| Ok(line.to_owned())),
        Shape::Fhir => (
            b"{\"resourceType\":\"Parameters\",\"parameter\":[",
            b",\n",
            b"]}\n",
            parameter,
        ),
    };
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(open)?;
    for (number, line) in BufReader::new(File::open(made)?).lines().enumerate() {
        if number > 0 {
            out.write_all(between)?;
        }
        out.write_all(row(&line?)?.as_bytes())?;
    }
    out.write_all(close)?;
    out.flush()?;
    std::fs::remove_file(made)
}

/// A row as a parameter with a part a column that is not NULL.
fn parameter(line: &str) -> io::Result<String> {
    let row: Map<String, Value> = serde_json::from_str(line)?;
    let parts = row.into_iter().flat_map(|(name, value)| {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        values.into_iter().filter_map(move |value| part(&name, &value))
    });
    Ok(json!({"name": "row", "part": parts.collect::<Vec<_>>()}).to_string())
}

fn part(name: &str, value: &Value) -> Option<Value> {
    let member = match value {
        Value::Null => return None,
        Value::Bool(_) => "valueBoolean",
        Value::Number(number) if number.is_i64() => "valueInteger",
        Value::Number(_) => "valueDecimal",
        _ => "valueString",
    };
    Some(json!({"name": name, member: value}))
}
