//! Rows in the form an answer has.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::{Value, json};

use super::asked::Shape;

/// How a line of NDJSON is written.
type Written = fn(&str) -> io::Result<String>;

/// Puts what was made in its place, in the form asked for.
pub(super) fn shaped(shape: Shape, made: &Path, path: &Path) -> io::Result<()> {
    let (open, close, row): (&[u8], &[u8], Written) = match shape {
        Shape::Csv | Shape::Parquet | Shape::NdJson => {
            return if made == path {
                Ok(())
            } else {
                std::fs::rename(made, path)
            };
        }
        Shape::Json => (b"[", b"]\n", |line| Ok(line.to_owned())),
        Shape::Fhir => (
            b"{\"resourceType\":\"Parameters\",\"parameter\":[",
            b"]}\n",
            parameter,
        ),
    };
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(open)?;
    for (number, line) in BufReader::new(File::open(made)?).lines().enumerate() {
        if number > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(row(&line?)?.as_bytes())?;
    }
    out.write_all(close)?;
    out.flush()?;
    std::fs::remove_file(made)
}

/// A row as a parameter with a part a column that is not NULL, in the order of the columns.
fn parameter(line: &str) -> io::Result<String> {
    let row = serde_json::Deserializer::from_str(line).deserialize_map(Members)?;
    let parts = row.into_iter().flat_map(|(name, value)| {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        values.into_iter().filter_map(move |value| part(&name, &value))
    });
    Ok(json!({"name": "row", "part": parts.collect::<Vec<_>>()}).to_string())
}

/// Reads the members of an object in the order they stand in: the map of `serde_json` may sort them.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
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
