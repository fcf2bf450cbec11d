//! The melt steps of the recorded cases: each step starts from the recorded table of the step before it.

use std::path::Path;

use fhir_crack::Notation;
use fhir_melt::fhircrackr::{
    Cast, Collapse, Melt, MeltAll, RmIndices, TextTable, cast, collapse, common_columns, melt, melt_all,
    rm_indices,
};
use fhir_melt::{Error, ErrorKind};
use serde_json::Value;

use crate::shared::{self, read_csv};

const FUNCTIONS: [&str; 7] = [
    "fhir_melt",
    "fhir_melt_all",
    "fhir_cast",
    "fhir_rm_indices",
    "fhir_collapse",
    "fhir_common_columns",
    "rename",
];

#[test]
fn recorded_steps_give_the_recorded_tables() {
    let Some(directory) = shared::path("golden") else {
        return;
    };
    let mut compared = 0;
    let mut cases: Vec<_> = std::fs::read_dir(directory)
        .expect("golden")
        .flatten()
        .map(|e| e.path())
        .collect();
    cases.sort();
    for case in cases.iter().filter(|case| case.join("case.json").exists()) {
        let text = std::fs::read_to_string(case.join("case.json")).expect("case.json");
        let description: Value = serde_json::from_str(&text).expect("JSON");
        let steps = description["steps"].as_array().expect("steps");
        for step in steps
            .iter()
            .filter(|s| FUNCTIONS.contains(&s["fn"].as_str().unwrap_or_default()))
        {
            compare(case, &description, steps, step);
            compared += 1;
        }
    }
    assert!(compared >= 98, "only {compared} steps were compared");
}

fn compare(case: &Path, description: &Value, steps: &[Value], step: &Value) {
    let place = format!("{} {}", case.display(), step["id"]);
    let input = steps
        .iter()
        .find(|s| s["id"] == step["input"])
        .expect("an input step");
    let outcome = run(step, &read(case, input), &notation(description, input, step));
    let expected = case.join(step["expected"].as_str().unwrap_or_default());
    match (step["result"]["status"].as_str(), outcome) {
        (Some("ok"), Ok(Outcome::Table(table))) => {
            assert_eq!(records(&table), records(&read(case, step)), "{place}")
        }
        (Some("ok"), Ok(Outcome::Names(names))) => {
            let text = std::fs::read_to_string(expected).expect("expected names");
            assert_eq!(names, text.lines().collect::<Vec<_>>(), "{place}");
        }
        (Some("error"), Err(error)) => {
            let kind = match step["result"]["error"].as_str().unwrap_or_default() {
                "non-character argument" => ErrorKind::EmptyColumn,
                text if text.starts_with("Not all column names") => ErrorKind::UnknownColumn,
                text if text.starts_with("The column prefix") => ErrorKind::UnknownPrefix,
                text => panic!("{place}: the reference fails with {text}"),
            };
            assert_eq!(error.kind(), kind, "{place}");
        }
        (status, outcome) => panic!(
            "{place}: {status:?} in the reference, here an error: {}",
            outcome.is_err()
        ),
    }
}

enum Outcome {
    Table(TextTable),
    Names(Vec<String>),
}

fn run(step: &Value, input: &TextTable, notation: &Notation) -> Result<Outcome, Error> {
    let args = &step["args"];
    let notation = notation.clone();
    let texts = |name: &str| -> Option<Vec<String>> {
        let texts = args[name].as_array()?.iter();
        Some(
            texts
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect(),
        )
    };
    let columns = match args["columns_common"].as_str() {
        Some(prefix) => Some(
            common_columns(input, prefix)?
                .into_iter()
                .map(str::to_owned)
                .collect(),
        ),
        None => texts("columns"),
    };
    let names = columns.clone().unwrap_or_default();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let table = match step["fn"].as_str().unwrap_or_default() {
        "fhir_melt" => {
            let all_columns = args["all_columns"].as_bool().unwrap_or(false);
            let mut options = Melt {
                notation,
                all_columns,
                ..Melt::default()
            };
            if let Some(name) = args["id_name"].as_str() {
                options.id_name = name.to_owned();
            }
            melt(input, &names, &options)?
        }
        "fhir_melt_all" => {
            let mut options = MeltAll {
                notation,
                ..MeltAll::default()
            };
            if let Some(separator) = args["column_name_separator"].as_str() {
                options.column_name_separator = separator.to_owned();
            }
            melt_all(input, &options)?
        }
        "fhir_cast" => cast(
            input,
            &Cast {
                notation,
                ..Cast::default()
            },
        )?,
        "fhir_rm_indices" => rm_indices(
            input,
            &RmIndices {
                notation,
                columns,
                ..RmIndices::default()
            },
        ),
        "fhir_collapse" => {
            let mut options = Collapse {
                notation,
                ..Collapse::default()
            };
            if let Some(glue) = args["collapse"].as_str() {
                options.glue = glue.to_owned();
            }
            collapse(input, &names, &options)?
        }
        "fhir_common_columns" => {
            let found = common_columns(input, args["prefix"].as_str().unwrap_or_default())?;
            return Ok(Outcome::Names(found.into_iter().map(str::to_owned).collect()));
        }
        _ => {
            let mut renamed = input.clone();
            let (old, new) = (texts("old").unwrap_or_default(), texts("new").unwrap_or_default());
            assert!(old.iter().zip(&new).all(|(old, new)| renamed.rename(old, new)));
            renamed
        }
    };
    Ok(Outcome::Table(table))
}

/// Brackets and separator: the step's own, else those its input was cracked with, else the case's.
fn notation(description: &Value, input: &Value, step: &Value) -> Notation {
    let own = [
        &step["args"],
        &step["table_description"],
        &input["table_description"],
        &description["table_description"],
    ];
    let find = |name: &str| {
        own.iter()
            .map(|place| &place[name])
            .find(|value| !value.is_null())
    };
    let bracket = |at: usize| {
        let brackets = find("brackets").expect("brackets");
        brackets[at].as_str().or(brackets[0].as_str()).unwrap_or_default()
    };
    Notation::new(
        bracket(0),
        bracket(1),
        find("sep").and_then(Value::as_str).unwrap_or(" "),
    )
}

fn read(case: &Path, step: &Value) -> TextTable {
    let file = case.join(step["expected"].as_str().expect("a file"));
    let mut records = read_csv(&std::fs::read_to_string(file).expect("expected table"), "").into_iter();
    let names: Vec<String> = records.next().unwrap_or_default().into_iter().flatten().collect();
    let mut table = TextTable::new(&names);
    for record in records {
        table.push_row(record.iter().map(Option::as_deref));
    }
    for name in step["result"]["integer_columns"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if let Some(position) = table.position(name) {
            table.set_whole_numbers(position, true);
        }
    }
    table
}

fn records(table: &TextTable) -> Vec<Vec<Option<String>>> {
    let names = table.names().map(|name| Some(name.to_owned())).collect();
    let row = |row| {
        (0..table.names().len())
            .map(|c| table.cell(row, c).map(str::to_owned))
            .collect()
    };
    std::iter::once(names).chain((0..table.rows()).map(row)).collect()
}
