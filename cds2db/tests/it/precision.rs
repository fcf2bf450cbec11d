//! How much of a date was given, beside it in the files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fixtures::hospital::Hospital;
use polars::prelude::DataFrame;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use table_description::{TableDescription, default_description};
use work_dir::Runs;
use work_dir::whole::Whole;

use crate::same_rows::cell;
use crate::select::select;
use crate::site::Site;

/// Id, date and how much of it was given, of all dates of a table in these files.
type Dates = BTreeSet<[Option<String>; 4]>;

fn read(path: &Path) -> DataFrame {
    let file = std::fs::File::open(path).expect("opens");
    ParquetReader::new(file).finish().expect("rows")
}

fn dates(table: &TableDescription, files: &[PathBuf]) -> Dates {
    let mut found = Dates::new();
    let Some(id) = table.position_of_path("id") else {
        return found;
    };
    for file in files {
        let frame = read(file);
        let text = |column: &str, row| {
            let column = frame.column(column).unwrap_or_else(|e| panic!("{column}: {e}"));
            cell(&column.get(row).expect("a cell"))
        };
        for column in &table.columns {
            let Some(precision) = column.precision_name() else {
                continue;
            };
            for row in 0..frame.height() {
                let (date, given) = (text(&column.name, row), text(&precision, row));
                assert_eq!(
                    date.is_some(),
                    given.is_some(),
                    "{precision}: one without the other"
                );
                if date.is_some() {
                    found.insert([
                        text(&table.columns[id].name, row),
                        Some(column.name.clone()),
                        date,
                        given,
                    ]);
                }
            }
        }
    }
    found
}

fn files_of_run(base: &Path, table: &str) -> Vec<PathBuf> {
    let layout = Runs::locate(base).expect("reads").expect("a run");
    let files = layout.batch_files().expect("files");
    files
        .into_iter()
        .filter(|file| file.table == table)
        .map(|file| file.path)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_say_how_much_of_a_date_was_given_where_a_site_asks_for_it() {
    let mut site = Site::open(Hospital::new(17, 40)).await;
    site.settings.date_precision = true;
    let base = tempfile::tempdir().expect("directory");
    let summary = site.run_kept(base.path()).await.expect("runs");
    assert!(summary.complete, "{:?}", summary.incomplete);

    let description = default_description();
    let (mut words, mut all) = (BTreeSet::new(), 0);
    for table in &description.tables {
        let run = dates(table, &files_of_run(base.path(), &table.name));
        let whole = Whole::at(base.path()).files(&table.name).expect("files");
        // Of the first run the newest versions are all; those came through the hub.
        assert_eq!(run, dates(table, &whole), "{}", table.name);
        all += run.len();
        words.extend(run.into_iter().map(|[.., given]| given.expect("a word")));
    }
    assert!(all > 500, "{all} dates");
    assert!(
        ["year", "month", "day", "second"]
            .iter()
            .all(|w| words.contains(*w)),
        "{words:?}"
    );

    // By what the server wrote.
    let patients = description.table("patient").expect("described");
    let sql = "SELECT regexp_replace(pat_id, '^\\[.*\\]', ''), regexp_replace(pat_birthdate, '^\\[.*\\]', '') \
               FROM db_log.patient_raw WHERE pat_birthdate IS NOT NULL";
    let written: BTreeSet<(Option<String>, &str)> = select(&site.hub, sql)
        .await
        .into_iter()
        .map(|mut row| {
            let written = row.remove(1).expect("a date");
            let word = match written.len() {
                4 => "year",
                7 => "month",
                10 => "day",
                _ => panic!("a birth date of {} characters", written.len()),
            };
            (row.remove(0), word)
        })
        .collect();
    let shown = dates(patients, &files_of_run(base.path(), "patient"));
    let shown: BTreeSet<(Option<String>, &str)> = shown
        .iter()
        .filter(|[_, column, ..]| column.as_deref() == Some("pat_birthdate"))
        .map(|[id, .., given]| (id.clone(), given.as_deref().expect("a word")))
        .collect();
    assert_eq!(shown, written);

    // Without the key no file has such a column, those that stood before neither.
    site.settings.date_precision = false;
    site.run_kept(base.path()).await.expect("runs");
    for table in &description.tables {
        let whole = Whole::at(base.path()).files(&table.name).expect("files");
        for file in whole.iter().chain(&files_of_run(base.path(), &table.name)) {
            let frame = read(file);
            let beside = table.columns.iter().filter_map(|c| c.precision_name());
            for name in beside {
                assert!(frame.column(&name).is_err(), "{name} is there");
            }
        }
    }
}
