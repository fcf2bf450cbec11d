use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use fhir_crack::BatchBuilder;
use fhir_melt::arrow::{RowLayout, defect_batch, defect_schema};
use fhir_melt::{MeltOptions, Melter, Repeats};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3_arrow::input::AnyArray;
use table_description::{MeltMode, TableDescription};

use crate::description::{Description, melt_mode};
use crate::errors::Failure;
use crate::settings::Settings;
use crate::table::{Table, text_of};
use crate::watch::Watch;

/// Rows of raw tables melted at a time.
const ROWS: usize = 10_000;

/// Melts a raw table, as `crack` gives it: the table with its child tables by name, and the defects.
#[pyfunction]
pub(crate) fn melt<'py>(
    py: Python<'py>,
    raw: AnyArray,
    table: &str,
    description: &Description,
    settings: Settings,
) -> PyResult<(Bound<'py, PyDict>, Table)> {
    let reader = raw.into_reader()?;
    let Some(table) = description.tables.table(table) else {
        let text = format!("the description has no table {table}");
        return Err(Failure::Option(text).into_py(py));
    };
    let profile = settings.profile().map_err(|failure| failure.into_py(py))?;
    let watch = Watch::default();
    let (tables, defects) = watch.over(py, None, || {
        let mut arrays = Vec::new();
        for array in reader {
            arrays.push(array.map_err(|_| {
                Failure::Option("the table cannot be read: its stream ended with an error".to_owned())
            })?);
        }
        melted(&arrays, table, &settings, &watch)
    })?;
    let all = PyDict::new(py);
    for table in tables {
        all.set_item(
            table.0.clone(),
            Bound::new(py, Table::new(table.0, table.1, table.2))?,
        )?;
    }
    let batches = match defects.as_slice() {
        [] => Vec::new(),
        defects => {
            let batch = defect_batch(profile, defects);
            vec![batch.map_err(|error| Failure::Option(error.to_string()).into_py(py))?]
        }
    };
    let defects = Table::new("defects".to_owned(), Arc::new(defect_schema(profile)), batches);
    Ok((all, defects))
}

type Rows = (String, arrow_schema::SchemaRef, Vec<RecordBatch>);

fn melted(
    arrays: &[ArrayRef],
    table: &Arc<TableDescription>,
    settings: &Settings,
    watch: &Watch,
) -> Result<(Vec<Rows>, Vec<table_description::Defect>), Failure> {
    let options = settings.options()?;
    let notation = settings.notation()?;
    let mode = settings.mode.as_deref().map(melt_mode).transpose()?;
    let mode = mode.unwrap_or_else(|| table.melt.clone());
    let mut repeats = match mode {
        MeltMode::Child => Repeats::r4(table),
        _ => Repeats::none(table),
    };
    let mut raw = Vec::new();
    for array in arrays {
        raw.append(&mut batches(array, table, &notation, watch)?);
    }
    raw.iter().for_each(|batch| repeats.observe(batch));
    let melt = MeltOptions {
        mode: Some(mode),
        repeats: Some(repeats),
        row_limit: options.row_limit,
        separator: notation.separator.clone(),
        ..MeltOptions::default()
    };
    let melter = Melter::new(table, &melt);
    let zone = match settings.rows.as_str() {
        "typed" => Some(settings.zone()?),
        _ => None,
    };
    let empty = fhir_crack::Batch::empty(Arc::clone(table));
    let shape = melter.melt(&empty);
    let layout = |melted: &fhir_melt::Melted<'_>| RowLayout::new(melted, zone.is_some(), &options.arrow);
    let main = layout(&shape);
    let mut tables: Vec<Rows> = vec![(table.name.clone(), Arc::clone(main.schema()), Vec::new())];
    let mut layouts = vec![(None, main)];
    for child in shape.children() {
        let element = child.element().unwrap_or_default().to_owned();
        let layout = layout(&child);
        let name = format!("{}.{}", table.name, element.replace('/', "_"));
        tables.push((name, Arc::clone(layout.schema()), Vec::new()));
        layouts.push((Some(element), layout));
    }
    let (mut defects, mut sources) = (Vec::new(), 0);
    for batch in &raw {
        let mut rows = melter.stream(batch);
        loop {
            if watch.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let melted = rows.take(options.batch_rows);
            let mut parts = vec![];
            if melted.rows() == 0 {
                defects.append(&mut melted.defects());
                break;
            }
            parts.push(melted);
            let children = parts[0].children();
            parts.extend(children);
            for part in &parts {
                let element = part.element().map(str::to_owned);
                let Some(at) = layouts.iter().position(|(known, _)| *known == element) else {
                    continue;
                };
                let typed = zone.as_ref().map(|zone| {
                    let (typed, mut found) = part.typed(zone);
                    defects.append(&mut found);
                    typed
                });
                if typed.is_none() {
                    defects.append(&mut part.defects());
                }
                let made = layouts[at]
                    .1
                    .record_batches(part, typed.as_ref(), sources, &mut defects)?;
                tables[at].2.extend(made);
            }
        }
        sources += batch.rows() as u64;
    }
    Ok((tables, defects))
}

/// The rows of an array of a raw table.
fn batches(
    array: &ArrayRef,
    table: &Arc<TableDescription>,
    notation: &fhir_crack::Notation,
    watch: &Watch,
) -> Result<Vec<fhir_crack::Batch>, Failure> {
    let Some(rows) = array.as_struct_opt() else {
        return Err(Failure::Option("a raw table has columns".to_owned()));
    };
    let mut columns = Vec::new();
    for (name, cells) in rows.column_names().into_iter().zip(rows.columns()) {
        let position = table.position(name).or_else(|| table.position_of_path(name));
        let Some(position) = position else {
            let text = format!("the table {} of the description has no column {name}", table.name);
            return Err(Failure::Option(text));
        };
        match cells.data_type() {
            DataType::Null => continue,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {}
            other => {
                let text = format!("cells of a raw table are text; column {name} is {other}");
                return Err(Failure::Option(text));
            }
        }
        columns.push((position, cells));
    }
    let mut made = Vec::new();
    for start in (0..rows.len()).step_by(ROWS) {
        if watch.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let mut builder = BatchBuilder::new(Arc::clone(table));
        for row in start..rows.len().min(start + ROWS) {
            builder.begin_row();
            for (column, cells) in &columns {
                if let Some(cell) = text_of(cells, row) {
                    builder.push_cell_in(*column, cell, notation);
                }
            }
        }
        made.push(builder.finish());
    }
    Ok(made)
}
