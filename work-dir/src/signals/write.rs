//! Writes signals: a text file each as the original system has it, and Parquet beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, NamedFrom, Series, TimeUnit};

use table_description::{Description, FhirType};

use super::catalogue::{Catalogue, Kind, Signal};
use super::collect::{Fact, Facts, Value};
use super::text::Line;
use crate::rows::parquet_file;
use crate::state::private;
use crate::{Error, ErrorKind, Id2Nr};

/// What a signal looks like in its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What it is made of.
    pub kind: Kind,
    /// Its values are days, not codes; of [`Kind::Once`] only.
    pub days: bool,
    /// Tags.
    pub tags: String,
    /// Unit of its numbers.
    pub unit: Option<String>,
}

impl Shape {
    /// The shape that a signal of the catalogue has.
    #[must_use]
    pub fn of(signal: &Signal, description: &Description) -> Self {
        let column = description.table(&signal.table).and_then(|table| {
            let position = table.position_of_path(signal.value.as_deref()?)?;
            Some(table.columns[position].fhir_type)
        });
        Self {
            kind: signal.kind,
            days: matches!(column, Some(FhirType::Date | FhirType::DateTime)),
            tags: signal.tags.clone(),
            unit: signal.unit.clone(),
        }
    }
}

/// A signal that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// What it looks like.
    pub shape: Shape,
    /// The text file.
    pub path: PathBuf,
    /// Lines of it: equal ones are one.
    pub rows: usize,
    /// Codes and units in it, as the loader has to know them.
    pub categories: BTreeSet<String>,
}

/// A signal that has no entry in the catalogue: numbers of a code.
fn unnamed() -> Signal {
    Signal {
        table: "observation".to_owned(),
        kind: Kind::Number,
        filter: Default::default(),
        time: Vec::new(),
        end: Vec::new(),
        value: None,
        unit_of: None,
        unit: None,
        molar: None,
        through: None,
        tags: "others".to_owned(),
    }
}

/// Writes the files of all signals that have facts into a directory: `SIGNAL`, or `SIGNAL.N` for a batch counted from 0, and
/// the same as Parquet. Lines are sorted by patient's number, time and value, and equal ones are one.
///
/// # Errors
/// [`ErrorKind::File`] when a file cannot be written.
pub fn write(
    directory: &Path,
    batch: Option<u32>,
    facts: &Facts,
    catalogue: &Catalogue,
    ids: &mut Id2Nr,
) -> Result<Vec<Written>, Error> {
    private::make_dirs(directory).map_err(|e| Error::file(directory, e))?;
    let mut written = Vec::new();
    for (name, facts) in &facts.signals {
        let other = unnamed();
        let signal = catalogue.signals.get(name).unwrap_or(&other);
        written.push(write_one(directory, batch, name, signal, facts, ids)?);
    }
    ids.write()?;
    Ok(written)
}

fn write_one(
    directory: &Path,
    batch: Option<u32>,
    name: &str,
    signal: &Signal,
    facts: &[Fact],
    ids: &mut Id2Nr,
) -> Result<Written, Error> {
    let mut rows: Vec<(Line, &Fact)> = facts
        .iter()
        .map(|fact| (Line::of(ids.number(&fact.patient), fact), fact))
        .collect();
    rows.sort_by(|a, b| {
        let order = a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal);
        order.then_with(|| (a.1.begin, &a.1.id).cmp(&(b.1.begin, &b.1.id)))
    });
    let file = batch.map_or_else(|| name.to_owned(), |batch| format!("{name}.{batch}"));
    let path = directory.join(&file);
    let mut text = String::new();
    let mut categories = BTreeSet::new();
    let mut lines = 0;
    let mut last: Option<&Line> = None;
    for (line, _) in &rows {
        if last == Some(line) {
            continue;
        }
        line.write(name, signal, &mut text);
        if !line.code.is_empty() {
            categories.insert(line.code.clone());
        }
        if signal.kind == Kind::Number {
            categories.insert(line.unit.clone());
        }
        lines += 1;
        last = Some(line);
    }
    let days = rows.iter().any(|(_, fact)| matches!(fact.value, Value::Day(_)));
    let frame = frame(&rows, signal).map_err(|e| Error::caused(ErrorKind::Rows, &path, e))?;
    parquet_file::replace(&directory.join(format!("{file}.parquet")), &frame)?;
    private::replace(&path, text.as_bytes()).map_err(|e| Error::file(&path, e))?;
    let shape = Shape {
        kind: signal.kind,
        days,
        tags: signal.tags.clone(),
        unit: signal.unit.clone(),
    };
    Ok(Written {
        name: name.to_owned(),
        shape,
        path,
        rows: lines,
        categories,
    })
}

/// The facts with everything the text leaves out: moments, resource, patient's id.
fn frame(rows: &[(Line, &Fact)], signal: &Signal) -> polars::prelude::PolarsResult<DataFrame> {
    let moments = |name: &str, of: &dyn Fn(&Fact) -> Option<i64>| -> polars::prelude::PolarsResult<Column> {
        let moments: Vec<Option<i64>> = rows.iter().map(|(_, fact)| of(fact)).collect();
        let series = Series::new(name.into(), moments);
        Ok(series
            .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?
            .into_column())
    };
    let texts = |name: &str, of: &dyn Fn(&Fact) -> Option<String>| -> Column {
        let cells: Vec<Option<String>> = rows.iter().map(|(_, fact)| of(fact)).collect();
        Series::new(name.into(), cells).into_column()
    };
    let pids: Vec<u32> = rows.iter().map(|(line, _)| line.pid).collect();
    let mut columns = vec![
        Series::new("pid".into(), pids).into_column(),
        texts("patient", &|fact| Some(fact.patient.clone())),
        texts("id", &|fact| Some(fact.id.clone())),
    ];
    if signal.kind != Kind::Once {
        columns.push(moments("time_0", &|fact| fact.begin)?);
    }
    if signal.kind == Kind::Period {
        columns.push(moments("time_1", &|fact| fact.end)?);
    }
    if signal.kind == Kind::Number {
        let numbers: Vec<Option<f64>> = rows
            .iter()
            .map(|(_, fact)| match fact.value {
                Value::Number(number) => Some(number),
                _ => None,
            })
            .collect();
        columns.push(Series::new("value_0".into(), numbers).into_column());
        columns.push(texts("unit", &|fact| fact.unit.clone()));
    } else {
        columns.push(texts("value_0", &|fact| match &fact.value {
            Value::Code(code) => Some(code.clone()),
            Value::Day(_) | Value::Number(_) | Value::None => None,
        }));
        if rows.iter().any(|(_, fact)| matches!(fact.value, Value::Day(_))) {
            let days: Vec<Option<i32>> = rows
                .iter()
                .map(|(_, fact)| match fact.value {
                    Value::Day(day) => Some(day),
                    _ => None,
                })
                .collect();
            columns.push(
                Series::new("day_0".into(), days)
                    .cast(&DataType::Date)?
                    .into_column(),
            );
        }
    }
    DataFrame::new(rows.len(), columns)
}
