//! One derivation: the rows in a run's files are the rows in the hub, table by table and row by row.

use std::collections::BTreeSet;
use std::fs::File;

use cds2db::run::{DirectoryOptions, RunDirectory};
use fixtures::hospital::Hospital;
use polars::prelude::AnyValue;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use table_description::{FhirType, TableDescription, default_description};
use work_dir::Layout;

use crate::select::select;
use crate::site::Site;

pub(crate) type Rows = BTreeSet<Vec<Option<String>>>;

/// A cell of a file as the hub's query writes it.
pub(crate) fn cell(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        // The hub has no empty texts.
        AnyValue::String(text) => Some((*text).to_owned()).filter(|text| !text.is_empty()),
        AnyValue::StringOwned(text) => Some(text.to_string()).filter(|text| !text.is_empty()),
        AnyValue::Boolean(value) => Some(value.to_string()),
        AnyValue::Int32(value) => Some(value.to_string()),
        AnyValue::Float64(value) => Some(value.to_be_bytes().iter().map(|b| format!("{b:02x}")).collect()),
        AnyValue::Date(days) => Some(days.to_string()),
        AnyValue::Datetime(micros, ..) | AnyValue::DatetimeOwned(micros, ..) => Some(micros.to_string()),
        AnyValue::Time(nanos) => Some((nanos / 1_000).to_string()),
        other => panic!("an unknown type: {}", other.dtype()),
    }
}

/// The rows of a table in a run's files.
pub(crate) fn in_files(layout: &Layout, table: &TableDescription) -> Rows {
    let mut rows = Rows::new();
    let files = layout.batch_files().expect("reads");
    for file in files.iter().filter(|file| file.table == table.name) {
        let frame = ParquetReader::new(File::open(&file.path).expect("opens"))
            .finish()
            .expect("rows");
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|c| frame.column(&c.name).expect("a column"))
            .collect();
        for row in 0..frame.height() {
            rows.insert(
                columns
                    .iter()
                    .map(|c| cell(&c.get(row).expect("a cell")))
                    .collect(),
            );
        }
    }
    rows
}

/// A column of the hub as [`cell`] writes it.
pub(crate) fn hub_columns(c: &table_description::Column) -> String {
    let name = format!("\"{}\"", c.name);
    match c.fhir_type {
        FhirType::String => name,
        FhirType::Boolean | FhirType::Integer => format!("{name}::text"),
        FhirType::Decimal => format!("encode(float8send({name}), 'hex')"),
        FhirType::Date => format!("({name} - date '1970-01-01')::text"),
        FhirType::DateTime | FhirType::Time => {
            format!("(extract(epoch FROM {name}) * 1000000)::bigint::text")
        }
    }
}

/// The rows of a table in the hub; with `last` those of the newest run only.
pub(crate) async fn in_hub(site: &Site, table: &TableDescription, last: bool) -> Rows {
    let columns: Vec<String> = table.columns.iter().map(hub_columns).collect();
    let of = if last {
        format!("cds2db_out.v_{}_last_import", table.name)
    } else {
        format!("db_log.{}", table.name)
    };
    let sql = format!("SELECT {} FROM {of}", columns.join(", "));
    select(&site.hub, &sql).await.into_iter().collect()
}

/// The files of a run and the hub have the same rows.
pub(crate) async fn assert_same(site: &Site, layout: &Layout, last: bool, when: &str) {
    for table in &default_description().tables {
        let (files, hub) = (in_files(layout, table), in_hub(site, table, last).await);
        let only = |a: &Rows, b: &Rows| a.difference(b).count();
        assert!(
            files == hub,
            "{when}, {}: {} rows in files, {} in the hub; {} only in files, {} only in the hub",
            table.name,
            files.len(),
            hub.len(),
            only(&files, &hub),
            only(&hub, &files)
        );
    }
}

fn fresh(base: &std::path::Path) -> RunDirectory {
    let options = DirectoryOptions {
        fresh: true,
        ..DirectoryOptions::default()
    };
    RunDirectory::open(base, options).expect("opens")
}

/// The note that looks like two values is among the hospital's.
async fn has_notation_like_note(site: &Site) -> bool {
    let sql = "SELECT count(*)::text FROM db_log.observation_raw WHERE obs_note_text LIKE '%~ [1.2]%'";
    site.count(sql).await > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_hub_have_the_same_rows_on_every_day() {
    let hospital = Hospital::new(7, 25)
        .with_admissions(2)
        .with_churn(150)
        .with_density(60);
    let mut site = Site::open(hospital.clone()).await;
    let base = tempfile::tempdir().expect("directory");
    for day in 0..10 {
        let today = hospital.clone().at(day);
        site.settings.now = Some(today.timestamp());
        site.server.set_store(today);
        let directory = fresh(base.path());
        let summary = site.run_in(&directory).await.expect("runs");
        assert!(summary.complete, "day {day}: {:?}", summary.incomplete);
        let when = format!("day {day}");
        if day == 0 {
            assert_same(&site, directory.layout(), false, &when).await;
            assert!(
                has_notation_like_note(&site).await,
                "the data have a note that looks like two values"
            );
        }
        // What the files have of later days, the hub has too, word for word.
        for table in &default_description().tables {
            let hub = in_hub(&site, table, false).await;
            let missing = in_files(directory.layout(), table).difference(&hub).count();
            assert_eq!(
                missing, 0,
                "{when}: {} rows of {} are only in the files",
                missing, table.name
            );
        }
    }
}

/// Raw rows that wait in the queue become the rows that were in memory, also where their text does not tell its values.
#[tokio::test(flavor = "multi_thread")]
async fn rows_from_the_raw_queue_equal_those_from_memory() {
    let hospital = Hospital::new(7, 25).with_density(60);
    let twin = Site::open(hospital.clone()).await;
    let base = tempfile::tempdir().expect("directory");
    twin.run_in(&fresh(base.path())).await.expect("runs");
    assert!(has_notation_like_note(&twin).await);

    let mut site = Site::open(hospital).await;
    let tables = default_description().tables;
    site.settings.debug.skip_melting = tables.iter().map(|table| table.name.clone()).collect();
    let first = fresh(base.path());
    site.run_in(&first).await.expect("runs");
    assert_eq!(
        site.count("SELECT count(*)::text FROM db_log.observation").await,
        0
    );
    site.settings.debug.skip_melting.clear();
    // Nobody is on a ward: running cases are asked for since their watermarks, and the rest comes from the queue.
    site.settings.wards = cds2db::config::Wards::List(Vec::new());
    site.settings.empty_wards = cds2db::config::EmptyWards::GoOn;
    let second = fresh(base.path());
    let summary = site.run_in(&second).await.expect("runs");
    assert!(
        summary.notes.iter().any(|note| note.contains("handed on too")),
        "{:?}",
        summary.notes
    );
    for table in tables.iter().filter(|table| table.resource.is_some()) {
        let (direct, queued) = (
            in_hub(&twin, table, false).await,
            in_hub(&site, table, false).await,
        );
        assert!(
            direct == queued,
            "{}: {} and {} rows",
            table.name,
            direct.len(),
            queued.len()
        );
        assert_eq!(
            in_files(second.layout(), table),
            queued,
            "files of {}",
            table.name
        );
    }
}
