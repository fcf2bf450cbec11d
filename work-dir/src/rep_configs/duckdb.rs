use std::fmt::Write;

use table_description::FhirType;

use super::{Load, quoted};

/// Makes the tables and fills them; started in the run's directory: `duckdb cds.duckdb < rep_configs/load_duckdb.sql`.
pub(super) fn script(loads: &[Load<'_>]) -> String {
    let mut out = String::from(
        "-- Loads the typed rows of a run into DuckDB. In the run's directory:\n\
         --   duckdb cds.duckdb < rep_configs/load_duckdb.sql\n",
    );
    for load in loads {
        let table = load.table;
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("  {} {}", quoted(&column.name), sql_type(column.fhir_type)))
            .collect();
        let name = quoted(&table.name);
        let _ = writeln!(
            out,
            "\nCREATE OR REPLACE TABLE {name} (\n{}\n);",
            columns.join(",\n")
        );
        if !load.batches.is_empty() {
            let _ = writeln!(
                out,
                "INSERT INTO {name} BY NAME SELECT * FROM read_parquet('FinalSignals/{}.*.parquet');",
                table.name
            );
        }
    }
    out
}

fn sql_type(fhir_type: FhirType) -> &'static str {
    match fhir_type {
        FhirType::String => "VARCHAR",
        FhirType::Boolean => "BOOLEAN",
        FhirType::Integer => "INTEGER",
        FhirType::Decimal => "DOUBLE",
        FhirType::Date => "DATE",
        FhirType::DateTime => "TIMESTAMP",
        FhirType::Time => "TIME",
    }
}
