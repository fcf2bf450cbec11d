use std::fmt::Write;
use std::path::Path;

use table_description::FhirType;

use super::{Load, literal, quoted};

/// Makes the tables and fills them: `duckdb cds.duckdb < …/rep_configs/load_duckdb.sql`.
pub(super) fn script(loads: &[Load<'_>], root: &Path) -> String {
    let mut out = format!(
        "-- Loads the standing whole into DuckDB, wherever one stands:\n\
         --   duckdb cds.duckdb < rep_configs/load_duckdb.sql\n\
         -- Where the directory has been moved, set its place first: SET VARIABLE directory = '/new/place';\n\
         SET VARIABLE directory = coalesce(getvariable('directory'), {});\n",
        literal(root)
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
            "\nCREATE OR REPLACE TABLE {name} (\n{},\n  \"run\" INTEGER\n);",
            columns.join(",\n")
        );
        if load.is_there {
            let _ = writeln!(
                out,
                "INSERT INTO {name} BY NAME SELECT * FROM read_parquet(getvariable('directory') || '/current/{}/*.parquet');",
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
