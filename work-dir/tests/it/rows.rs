//! Typed rows for tests: a made-up ward, written as a run writes them.

use std::fs::File;

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, NamedFrom, Series, TimeUnit};
use polars_io::parquet::write::ParquetWriter;
use table_description::{Description, TableDescription, default_description};
use work_dir::Layout;

/// One observation of a test.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) id: String,
    pub(crate) patient: String,
    pub(crate) encounter: String,
    pub(crate) code: String,
    pub(crate) value: Option<f64>,
    pub(crate) unit: String,
    /// Days from 1970-01-01.
    pub(crate) day: i64,
}

pub(crate) fn description() -> Description {
    default_description()
}

pub(crate) fn column(table: &TableDescription, path: &str) -> String {
    let position = table
        .position_of_path(path)
        .unwrap_or_else(|| panic!("{} has {path}", table.name));
    table.columns[position].name.clone()
}

/// Haemoglobin of patients in g/dL, `each` a patient, between 10 and 16.
pub(crate) fn haemoglobin(patients: usize, each: usize) -> Vec<Observation> {
    let mut rows = Vec::new();
    for patient in 0..patients {
        for i in 0..each {
            let number = patient * each + i;
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let value = 10.0 + (number * 37 % 61) as f64 / 10.0;
            rows.push(Observation {
                id: format!("o{number:06}"),
                patient: format!("p{patient:04}"),
                encounter: format!("e{patient:04}"),
                code: "718-7".to_owned(),
                value: Some(value),
                unit: "g/dL".to_owned(),
                day: 19_700 + (number * 7 % 600) as i64,
            });
        }
    }
    rows
}

pub(crate) fn frame(rows: &[Observation]) -> DataFrame {
    let description = description();
    let table = description.table("observation").unwrap();
    let name = |path: &str| column(table, path);
    let texts = |path: &str, text: &dyn Fn(&Observation) -> String| -> Column {
        let cells: Vec<String> = rows.iter().map(text).collect();
        Series::new(name(path).into(), cells).into_column()
    };
    let moments: Vec<i64> = rows.iter().map(|row| row.day * 86_400_000_000).collect();
    let moments = Series::new(name("effectiveDateTime").into(), moments)
        .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
        .unwrap();
    let values: Vec<Option<f64>> = rows.iter().map(|row| row.value).collect();
    let columns = vec![
        texts("id", &|row| row.id.clone()),
        texts("subject/reference", &|row| format!("Patient/{}", row.patient)),
        texts("encounter/reference", &|row| {
            format!("Encounter/{}", row.encounter)
        }),
        texts("code/coding/system", &|_| "http://loinc.org".to_owned()),
        texts("code/coding/code", &|row| row.code.clone()),
        Series::new(name("valueQuantity/value").into(), values).into_column(),
        texts("valueQuantity/system", &|_| {
            "http://unitsofmeasure.org".to_owned()
        }),
        texts("valueQuantity/code", &|row| row.unit.clone()),
        moments.into_column(),
    ];
    DataFrame::new(rows.len(), columns).unwrap()
}

/// Tables with nothing but ids, for references to lead to.
pub(crate) fn ids(path_of_id: &str, table: &str, ids: &[String]) -> DataFrame {
    let description = description();
    let name = column(description.table(table).unwrap(), path_of_id);
    DataFrame::new(
        ids.len(),
        vec![Series::new(name.into(), ids.to_vec()).into_column()],
    )
    .unwrap()
}

pub(crate) fn write(layout: &Layout, table: &str, batch: u32, mut rows: DataFrame) {
    std::fs::create_dir_all(layout.final_signals()).unwrap();
    let file = File::create(layout.parquet(table, batch)).unwrap();
    ParquetWriter::new(file).finish(&mut rows).unwrap();
}

/// A run's directory with observations, in batches.
pub(crate) fn run(directory: &std::path::Path, batches: &[Vec<Observation>]) -> Layout {
    let layout = Layout::new(directory);
    for (batch, rows) in (0..).zip(batches) {
        write(&layout, "observation", batch, frame(rows));
    }
    std::fs::write(layout.status(), "").unwrap();
    layout
}
