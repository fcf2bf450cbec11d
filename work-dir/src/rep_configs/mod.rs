//! What whoever loads the standing whole elsewhere needs: definitions and load scripts.

mod duckdb;
mod polars_script;
mod postgres;
mod spark;

use std::path::Path;
use std::sync::Arc;

use table_description::{Description, TableDescription};

use crate::state::private;
use crate::whole::Whole;
use crate::{Error, Layout};

/// Writes `rep_configs/` beside the runs: load scripts of the standing whole for DuckDB, polars, Spark and PostgreSQL. What
/// the original system's loader needs comes with the signals.
///
/// Scripts do not depend on where one stands: those in Python find the files from where they lie, those in SQL name them in
/// full and take another place by a variable. They are written anew by every run.
pub(crate) fn write_rep_configs(whole: &Whole, base: &Path, description: &Description) -> Result<(), Error> {
    let root = std::path::absolute(base).map_err(|e| Error::file(base, e))?;
    let mut loads = Vec::new();
    for table in &description.tables {
        let is_there = !whole.files(&table.name)?.is_empty();
        loads.push(Load { table, is_there });
    }
    let directory = Layout::new(base).rep_configs();
    private::make_dirs(&directory).map_err(|e| Error::file(&directory, e))?;
    let files = [
        ("load_duckdb.sql", duckdb::script(&loads, &root)),
        ("load_polars.py", polars_script::script(&loads)),
        ("load_spark.py", spark::script(&loads)),
        ("load_postgres.sql", postgres::script(&loads, &root)),
    ];
    for (name, text) in files {
        let path = directory.join(name);
        private::replace(&path, text.as_bytes()).map_err(|e| Error::file(&path, e))?;
    }
    Ok(())
}

/// A table and whether the whole has files of it.
#[derive(Clone, Copy)]
struct Load<'d> {
    table: &'d Arc<TableDescription>,
    is_there: bool,
}

/// An identifier of SQL, in double quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A path as a text of SQL.
fn literal(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_defined_in_every_script() {
        let directory = tempfile::tempdir().unwrap();
        let description = table_description::default_description();
        let whole = Whole::at(directory.path());
        write_rep_configs(&whole, directory.path(), &description).unwrap();
        let layout = Layout::new(directory.path());
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
            assert!(text.contains("\"run\""), "{script}");
        }
    }
}
