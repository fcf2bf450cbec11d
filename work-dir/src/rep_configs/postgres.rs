use std::fmt::Write;
use std::path::Path;

use super::{Load, literal, quoted};

/// Makes the tables and fills them, for psql. PostgreSQL does not read Parquet, so `cds2db work rows` turns the files into
/// text on the way.
pub(super) fn script(loads: &[Load<'_>], root: &Path) -> String {
    let mut out = format!(
        "-- Loads the standing whole into PostgreSQL, with cds2db on the path, wherever one stands:\n\
         --   psql -v ON_ERROR_STOP=1 --single-transaction -f rep_configs/load_postgres.sql\n\
         -- Where the directory has been moved: psql -v directory=/new/place …\n\
         \\if :{{?directory}}\n\\else\n\\set directory {}\n\\endif\n\\setenv CDS2DB_WHOLE :directory\n",
        literal(root)
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
            "\nDROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (\n{},\n  \"run\" integer\n);",
            columns.join(",\n")
        );
        if load.is_there {
            let _ = writeln!(
                out,
                "\\copy {name} FROM PROGRAM 'cds2db work rows {} --whole --dir \"$CDS2DB_WHOLE\"' WITH (FORMAT csv, HEADER true)",
                table.name
            );
        }
    }
    out
}
