//! The official tests of FHIRPath, as far as they use nothing but what views have.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Value, json};
use sql_on_fhir::{ViewDefinition, Views, suite};

use crate::shared;

/// A test: file, expression, whether it is to fail, and the values to come.
#[derive(Default, Debug)]
struct Case {
    name: String,
    file: String,
    predicate: bool,
    expression: String,
    invalid: bool,
    outputs: Vec<String>,
}

/// Tests the official answer to which differs from that of views, each with the reason.
const OTHER: &[(&str, &str)] = &[
    (
        "testSimpleFail",
        "that name has no given1 is known to the definition of the resource only",
    ),
    (
        "testPolymorphismB",
        "valueQuantity is taken for value.ofType(Quantity)",
    ),
    (
        "testPolymorphicsB",
        "valueQuantity is taken for value.ofType(Quantity)",
    ),
    (
        "testLiteralDecimalLessThanInvalid",
        "XML does not tell that a value of unknown type is a number",
    ),
    (
        "testFHIRPathAsFunction17",
        "that gender is a code is known to the definition of the resource only",
    ),
    (
        "testFHIRPathAsFunction22",
        "that name is a HumanName is known to the definition of the resource only",
    ),
];

fn cases(text: &str) -> Vec<Case> {
    let mut reader = Reader::from_str(text);
    let mut cases: Vec<Case> = Vec::new();
    let mut inside = String::new();
    let mut words = String::new();
    loop {
        match reader.read_event().expect("XML") {
            Event::Eof => return cases,
            Event::Start(tag) => {
                inside = tag.name().as_ref().to_owned();
                words.clear();
                let attribute = |name: &str| {
                    tag.try_get_attribute(name)
                        .expect("attributes")
                        .map(|a| a.value.to_string())
                };
                if inside == "test" {
                    cases.push(Case {
                        name: attribute("name").unwrap_or_default(),
                        file: attribute("inputfile").unwrap_or_default(),
                        predicate: attribute("predicate").as_deref() == Some("true"),
                        ..Case::default()
                    });
                }
                if inside == "expression" && attribute("invalid").is_some() {
                    cases.last_mut().expect("in a test").invalid = true;
                }
            }
            Event::Text(text) => words.push_str(&text),
            Event::CData(text) => words.push_str(&text),
            Event::GeneralRef(name) => words.push_str(match &*name {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                "quot" => "\"",
                "apos" => "'",
                _ => "",
            }),
            Event::End(_) => {
                if let Some(case) = cases.last_mut() {
                    match inside.as_str() {
                        "expression" => case.expression = std::mem::take(&mut words),
                        "output" => case.outputs.push(std::mem::take(&mut words)),
                        _ => {}
                    }
                }
                inside.clear();
            }
            _ => {}
        }
    }
}

/// A value as it is compared: numbers as numbers, dates without `@`.
fn plain(value: &str) -> String {
    let value = value.trim().trim_start_matches('@');
    let value = value.strip_prefix('T').unwrap_or(value);
    value
        .parse::<f64>()
        .map_or_else(|_| value.to_owned(), |number| (number + 0.0).to_string())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn official_tests_of_the_subset_are_answered_right() {
    let Some(folder) = shared::folder("realdata/fhir-test-cases/r4") else {
        return;
    };
    let tests = std::fs::read_to_string(folder.join("fhirpath/tests-fhir-r4.xml")).expect("a file");
    let cases = cases(&tests);
    // 937 are written, two of them inside of comments.
    assert_eq!(cases.len(), 935);
    let mut pages: BTreeMap<String, Option<(String, Vec<u8>)>> = BTreeMap::new();
    let (mut asked, mut failed) = (0, Vec::new());
    for case in &cases {
        let file = if case.file.is_empty() {
            "patient-example.xml"
        } else {
            &case.file
        };
        let page = pages.entry(file.to_owned()).or_insert_with(|| {
            let text = std::fs::read(folder.join("examples").join(file)).ok()?;
            let whole = String::from_utf8_lossy(&text);
            let root = [
                "Patient",
                "Observation",
                "Questionnaire",
                "ValueSet",
                "CodeSystem",
                "Appointment",
                "Parameters",
            ]
            .into_iter()
            .find(|name| {
                whole.contains(&format!("<{name} "))
                    || whole.contains(&format!("\"resourceType\": \"{name}\""))
            })?;
            Some((root.to_owned(), text))
        });
        let Some((resource, page)) = page else { continue };
        let view = json!({"resource": resource, "select": [{"column": [
            {"name": "v", "path": case.expression, "collection": true}]}]});
        let compiled = ViewDefinition::from_value(&view).and_then(|view| Views::new(&[view]));
        if compiled.is_err() || OTHER.iter().any(|(name, _)| *name == case.name) {
            continue;
        }
        asked += 1;
        let expected: Vec<String> = case.outputs.iter().map(|output| plain(output)).collect();
        let got = suite::rows(&view, std::slice::from_ref(page)).map(|(_, rows)| {
            let values = rows[0]["v"].as_array().cloned().unwrap_or_default();
            values.iter().map(|value| plain(&text(value))).collect::<Vec<_>>()
        });
        let right = match &got {
            Err(_) => case.invalid,
            Ok(_) if case.invalid => false,
            Ok(got) if case.predicate && expected == ["true"] => !got.is_empty() && got != &["false"],
            Ok(got) => *got == expected,
        };
        if !right {
            failed.push(format!(
                "{}: {} gave {got:?}, expected {expected:?}{}",
                case.name,
                case.expression,
                if case.invalid { " (an error)" } else { "" }
            ));
        }
    }
    assert!(asked >= 280, "{asked}");
    println!("{asked} of {} tests use the subset only", cases.len());
    assert!(
        failed.is_empty(),
        "{} of {asked}:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
