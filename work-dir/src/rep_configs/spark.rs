use std::fmt::Write;

use table_description::FhirType;

use super::Load;

/// A module with `load(spark, directory)`, which gives a frame a table; as a program it prints how many rows each has.
///
/// Spark has no time of day and cannot read one from Parquet, so such columns are left out there.
pub(super) fn script(loads: &[Load<'_>]) -> String {
    let mut out = String::from(
        "# Loads the standing whole into Spark 3.4 or newer:\n\
         #   from load_spark import load; frames = load(spark)\n\
         #   spark-submit rep_configs/load_spark.py [DIRECTORY]   prints the number of rows of each table\n\
         # Columns of type time are left out: Spark cannot read them.\n\
         import sys\nfrom pathlib import Path\n\nfrom pyspark.sql import SparkSession\n\nSCHEMAS = {\n",
    );
    for load in loads {
        let _ = writeln!(out, "    \"{}\": [", load.table.name);
        for column in &load.table.columns {
            match data_type(column.fhir_type) {
                Some(data_type) => {
                    let _ = writeln!(out, "        (\"{}\", \"{data_type}\"),", column.name);
                }
                None => {
                    let _ = writeln!(out, "        # \"{}\" is a time", column.name);
                }
            }
        }
        out.push_str("        (\"run\", \"int\"),\n    ],\n");
    }
    out.push_str(
        "}\n\n\ndef load(spark, directory=None):\n    \
         \"\"\"One frame a table; a table without rows is empty. All frames are of one state of the whole.\"\"\"\n    \
         base = Path(directory) if directory else Path(__file__).resolve().parent.parent\n    \
         folder = (base / \"current\").resolve()\n    frames = {}\n    \
         for table, columns in SCHEMAS.items():\n        \
         schema = \", \".join(f\"`{name}` {kind}\" for name, kind in columns)\n        \
         files = [file.as_uri() for file in sorted((folder / table).glob(\"*.parquet\"))]\n        \
         frames[table] = spark.read.schema(schema).parquet(*files) if files else spark.createDataFrame([], schema)\n    \
         return frames\n\n\nif __name__ == \"__main__\":\n    \
         session = SparkSession.builder.appName(\"load\").getOrCreate()\n    \
         place = sys.argv[1] if len(sys.argv) > 1 else None\n    \
         for name, frame in load(session, place).items():\n        \
         print(name, frame.count(), sep=\"\\t\")\n",
    );
    out
}

fn data_type(fhir_type: FhirType) -> Option<&'static str> {
    Some(match fhir_type {
        FhirType::String => "string",
        FhirType::Boolean => "boolean",
        FhirType::Integer => "int",
        FhirType::Decimal => "double",
        FhirType::Date => "date",
        FhirType::DateTime => "timestamp_ntz",
        FhirType::Time => return None,
    })
}
