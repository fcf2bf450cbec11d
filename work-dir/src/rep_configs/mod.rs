//! What whoever loads the typed rows elsewhere needs: definitions and load scripts.

mod duckdb;
mod polars_script;
mod postgres;
mod spark;

use std::collections::BTreeMap;
use std::sync::Arc;

use table_description::{Description, TableDescription};

use crate::state::private;
use crate::{Error, Layout};

/// Writes `rep_configs/`: load scripts for DuckDB, polars, Spark and PostgreSQL. What the original system's loader needs comes
/// with the signals.
///
/// Scripts name files relative to the run's directory and take its path as an argument or are started there, so the
/// directory may be moved. They are written anew by every run.
///
/// # Errors
/// When the directory cannot be read or a file cannot be written.
pub fn write_rep_configs(layout: &Layout, description: &Description) -> Result<(), Error> {
    let signals = layout.final_signals();
    let found = layout.batch_files().map_err(|e| Error::file(&signals, e))?;
    let mut batches: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for file in found {
        batches.entry(file.table).or_default().push(file.batch);
    }
    let loads: Vec<Load<'_>> = description
        .tables
        .iter()
        .map(|table| Load {
            table,
            batches: batches.get(&table.name).map_or(&[], Vec::as_slice),
        })
        .collect();
    let directory = layout.rep_configs();
    private::make_dirs(&directory).map_err(|e| Error::file(&directory, e))?;
    let files = [
        ("load_duckdb.sql".to_owned(), duckdb::script(&loads)),
        ("load_polars.py".to_owned(), polars_script::script(&loads)),
        ("load_spark.py".to_owned(), spark::script(&loads)),
        ("load_postgres.sql".to_owned(), postgres::script(&loads)),
    ];
    for (name, text) in files {
        let path = directory.join(name);
        private::replace(&path, text.as_bytes()).map_err(|e| Error::file(&path, e))?;
    }
    Ok(())
}

/// A table and the batches it has.
#[derive(Clone, Copy)]
struct Load<'d> {
    table: &'d Arc<TableDescription>,
    batches: &'d [u32],
}

/// An identifier of SQL, in double quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_defined_in_every_script() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        std::fs::create_dir(layout.final_signals()).unwrap();
        std::fs::write(layout.parquet("observation", 0), "").unwrap();
        std::fs::write(layout.text("observation", 0), "").unwrap();
        let description = table_description::default_description();
        write_rep_configs(&layout, &description).unwrap();
        let read = |name: &str| std::fs::read_to_string(layout.rep_configs().join(name)).unwrap();
        for script in [
            "load_duckdb.sql",
            "load_polars.py",
            "load_spark.py",
            "load_postgres.sql",
        ] {
            let text = read(script);
            for table in &description.tables {
                let missing = table
                    .columns
                    .iter()
                    .find(|c| !text.contains(&format!("\"{}\"", c.name)));
                assert!(missing.is_none(), "{script}: {missing:?}");
            }
        }
    }
}
