//! From a data dictionary to the table description.

use std::fmt::Write as _;
use std::path::Path;

use db2frontend::{Dictionary, ErrorKind, describe, write_description};
use table_description::{Description, FhirType, default_frontend};

const HEADS: &str = "\"Variable / Field Name\",\"Form Name\",\"Section Header\",\"Field Type\",\"Field Label\",\"Choices, \
    Calculations, OR Slider Labels\",\"Field Note\",\"Text Validation Type OR Show Slider Number\",\"Text Validation Min\",\
    \"Text Validation Max\",Identifier?,\"Branching Logic (Show field only if...)\",\"Required Field?\",\"Custom \
    Alignment\",\"Question Number (surveys only)\",\"Matrix Group Name\",\"Matrix Ranking?\",\"Field Annotation\"";

/// One line of a dictionary.
fn line(name: &str, form: &str, kind: &str, choices: &str, validation: &str, branching: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let cells = [
        name, form, "", kind, "Label", choices, "", validation, "", "", "", branching, "", "", "", "", "", "",
    ];
    cells.map(quoted).join(",")
}

/// A dictionary that must give the project's own description of the seven forms again.
fn dictionary_of(description: &Description) -> String {
    let mut text = format!("{HEADS}\n");
    for table in &description.tables {
        let form = table.name.trim_end_matches("_fe");
        if form == "patient" {
            let _ = writeln!(text, "{}", line("record_id", form, "text", "", "", ""));
        }
        let _ = writeln!(
            text,
            "{}",
            line(&format!("{form}_fe_id"), form, "text", "", "", "")
        );
        let mut last = String::new();
        for column in table.columns.iter().skip(4) {
            if column.name == format!("{form}_complete") {
                continue;
            }
            if let Some((field, _)) = column.name.split_once("___") {
                if last != field {
                    let options: Vec<String> = table
                        .columns
                        .iter()
                        .filter_map(|c| c.name.strip_prefix(&format!("{field}___")))
                        .map(|code| format!("{code}, Option {code}"))
                        .collect();
                    let _ = writeln!(
                        text,
                        "{}",
                        line(field, form, "checkbox", &options.join(" | "), "", "")
                    );
                }
                last = field.to_owned();
                continue;
            }
            let (kind, choices, validation) = match column.fhir_type {
                FhirType::Decimal if column.name.starts_with("db_filter") => ("calc", "1+1", ""),
                FhirType::Decimal => ("text", "", "number"),
                FhirType::Integer => ("text", "", "integer"),
                FhirType::Date => ("text", "", "date_ymd"),
                FhirType::DateTime => ("text", "", "datetime_seconds_ymd"),
                _ => ("dropdown", "1, yes | 2, no", ""),
            };
            let _ = writeln!(
                text,
                "{}",
                line(&column.name, form, kind, choices, validation, "")
            );
        }
        let _ = writeln!(
            text,
            "{}",
            line(&format!("{form}_remark"), form, "descriptive", "", "", "")
        );
    }
    text
}

#[test]
fn the_dictionary_gives_the_tables_of_the_hub() {
    let wanted = default_frontend();
    let dictionary = Dictionary::parse(dictionary_of(&wanted).as_bytes(), Path::new("d.csv")).unwrap();
    let columns = |description: &Description| {
        let tables = description.tables.iter().flat_map(|table| {
            let name = table.name.trim_end_matches("_fe").to_owned();
            table
                .columns
                .iter()
                .map(move |c| (name.clone(), c.name.clone(), c.fhir_type))
        });
        tables.collect::<Vec<_>>()
    };
    let described = describe(&dictionary);
    assert_eq!(columns(&described), columns(&wanted));
    assert_eq!(described.column_count(), 305);
    // What is written is what the hub's commands read.
    let folder = tempfile::tempdir().unwrap();
    for name in ["d.csv", "d.xlsx"] {
        let file = folder.path().join(name);
        write_description(&described, &file).unwrap();
        assert_eq!(
            columns(&Description::read(&file).unwrap()),
            columns(&wanted),
            "{name}"
        );
    }
}

#[test]
fn the_shipped_description_is_met_too() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/description/Frontend_Table_Description.xlsx");
    let Ok(shipped) = Description::read(&file) else {
        x_skipped::skip!(
            "{} is not there, the shipped description was not compared",
            file.display()
        );
        return;
    };
    let text = dictionary_of(&shipped.with_suffix("_fe"));
    let described = describe(&Dictionary::parse(text.as_bytes(), Path::new("d.csv")).unwrap());
    let names = |d: &Description| {
        d.tables
            .iter()
            .map(|t| t.columns.iter().map(|c| c.name.clone()).collect())
            .collect::<Vec<Vec<String>>>()
    };
    assert_eq!(names(&described), names(&shipped));
}

#[test]
fn all_faults_come_at_once_with_line_and_column() {
    let text = [
        HEADS.to_owned(),
        line("record_id", "patient", "text", "", "", ""),
        line("Bad-Name", "patient", "text", "", "", ""),
        line("record_id", "patient", "text", "", "", ""),
        line("a", "patient", "wheel", "", "", ""),
        line("b", "patient", "radio", "1, x | y", "", ""),
        line("c", "patient", "dropdown", "", "", ""),
        line("d", "patient", "text", "", "", "[nowhere] = '1' and ([a] = '1'"),
        line("e", "patient", "text", "", "", "[nowhere] = '1'"),
        line("f", "fall", "checkbox", "A, x | a, y", "", ""),
        line("g", "patient", "text", "", "", ""),
        line("h", "fall", "calc", "", "", ""),
        line(&"x".repeat(64), "fall", "text", "", "", ""),
        "i,fall,text".to_owned(),
    ]
    .join("\n");
    let error = Dictionary::parse(text.as_bytes(), Path::new("d.csv")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dictionary);
    let said: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
    let name = "Variable / Field Name";
    let choices = "Choices, Calculations, OR Slider Labels";
    let branching = "Branching Logic (Show field only if...)";
    let wanted = [
        format!("d.csv:3: {name}: must be a name"),
        format!("d.csv:4: {name}: record_id stands in line 2 already"),
        "d.csv:5: Field Type: is not a type".to_owned(),
        format!("d.csv:6: {choices}: choice 2 is not of the form"),
        format!("d.csv:7: {choices}: a field of this type needs choices"),
        format!("d.csv:8: {branching}: character 31: expected a closing parenthesis"),
        format!("d.csv:9: {branching}: looks at nowhere"),
        format!("d.csv:10: {choices}: the code of choice 2"),
        "d.csv:11: Form Name: patient has ended above".to_owned(),
        format!("d.csv:12: {choices}: a computed field needs a formula"),
        format!("d.csv:13: {name}: its column"),
        "d.csv:14: has 3 cells where the header has 18".to_owned(),
    ];
    for wanted in &wanted {
        assert!(
            said.iter().any(|s| s.starts_with(wanted)),
            "{wanted} in {said:#?}"
        );
    }
}

#[test]
fn a_dictionary_of_the_real_size_is_read() {
    let mut text = format!("{HEADS}\n{}\n", line("record_id", "form_0", "text", "", "", ""));
    let many: Vec<String> = (0..6_600)
        .map(|n| format!("A{n:05}, Substance number {n} with a long name {n}"))
        .collect();
    let large = many.join(" | ");
    assert!(large.len() > 297_000);
    for n in 0..289 {
        let form = format!("form_{}", n / 42);
        let (kind, choices) = match n % 10 {
            0 => ("dropdown", large.as_str()),
            1 => ("checkbox", "1, a | 2, b | 3, c"),
            2 => ("notes", ""),
            _ => ("text", ""),
        };
        let _ = writeln!(text, "{}", line(&format!("f_{n}"), &form, kind, choices, "", ""));
    }
    let dictionary = Dictionary::parse(text.as_bytes(), Path::new("d.csv")).unwrap();
    assert_eq!(dictionary.fields().count(), 290);
    assert_eq!(dictionary.field("f_0").unwrap().1.choices.len(), 6_600);
    assert_eq!(describe(&dictionary).tables.len(), 7);
}
