use std::fmt::Write;

use table_description::FhirType;

use super::Load;

/// A module with `load(directory)`, which gives a lazy frame a table; as a program it prints how many rows each has.
pub(super) fn script(loads: &[Load<'_>]) -> String {
    let mut out = String::from(
        "# Loads the standing whole into polars:\n\
         #   from load_polars import load; frames = load()\n\
         #   python3 rep_configs/load_polars.py [DIRECTORY]   prints the number of rows of each table\n\
         import sys\nfrom pathlib import Path\n\nimport polars as pl\n\nSCHEMAS = {\n",
    );
    for load in loads {
        let _ = writeln!(out, "    \"{}\": {{", load.table.name);
        for column in &load.table.columns {
            let _ = writeln!(
                out,
                "        \"{}\": {},",
                column.name,
                data_type(column.fhir_type)
            );
        }
        out.push_str("        \"run\": pl.Int32,\n    },\n");
    }
    out.push_str(
        "}\n\n\ndef load(directory=None):\n    \
         \"\"\"One lazy frame a table; a table without rows is empty. All frames are of one state of the whole.\"\"\"\n    \
         base = Path(directory) if directory else Path(__file__).resolve().parent.parent\n    \
         folder = (base / \"current\").resolve()\n    frames = {}\n    \
         for table, schema in SCHEMAS.items():\n        \
         files = sorted((folder / table).glob(\"*.parquet\"), key=lambda file: int(file.stem))\n        \
         frames[table] = pl.scan_parquet(files, schema=schema) if files else pl.LazyFrame(schema=schema)\n    \
         return frames\n\n\nif __name__ == \"__main__\":\n    \
         place = sys.argv[1] if len(sys.argv) > 1 else None\n    \
         for name, frame in load(place).items():\n        \
         print(name, frame.select(pl.len()).collect().item(), sep=\"\\t\")\n",
    );
    out
}

fn data_type(fhir_type: FhirType) -> &'static str {
    match fhir_type {
        FhirType::String => "pl.String",
        FhirType::Boolean => "pl.Boolean",
        FhirType::Integer => "pl.Int32",
        FhirType::Decimal => "pl.Float64",
        FhirType::Date => "pl.Date",
        FhirType::DateTime => "pl.Datetime(\"us\")",
        FhirType::Time => "pl.Time",
    }
}
