use std::fmt::Write;

use super::{Load, quoted};

/// Makes the tables and fills them, for psql started in the run's directory. PostgreSQL does not read Parquet, so
/// `cds2db work rows` turns the files into text on the way.
pub(super) fn script(loads: &[Load<'_>]) -> String {
    let mut out = String::from(
        "-- Loads the typed rows of a run into PostgreSQL, with cds2db on the path. In the run's directory:\n\
         --   psql -v ON_ERROR_STOP=1 --single-transaction -f rep_configs/load_postgres.sql\n",
    );
    for load in loads {
        let table = load.table;
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("  {} {}", quoted(&column.name), column.fhir_type.sql_type()))
            .collect();
        let name = quoted(&table.name);
        let _ = writeln!(
            out,
            "\nDROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (\n{}\n);",
            columns.join(",\n")
        );
        if !load.batches.is_empty() {
            let _ = writeln!(
                out,
                "\\copy {name} FROM PROGRAM 'cds2db work rows {} --dir .' WITH (FORMAT csv, HEADER true)",
                table.name
            );
        }
    }
    out
}
