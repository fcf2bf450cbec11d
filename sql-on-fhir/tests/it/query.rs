//! SQLQuery libraries, those of the guide among them.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use sql_on_fhir::query::{Library, QueryOutput, QueryRun};
use sql_on_fhir::{Artifacts, Format, Run, RunOptions};

use crate::shared;

/// Views under the names the guide's libraries look for.
fn artifacts() -> Artifacts {
    let mut artifacts = Artifacts::default();
    artifacts.add(json!({"resourceType": "ViewDefinition", "name": "patient_view", "resource": "Patient", "select": [{"column": [
        {"name": "id", "path": "getResourceKey()", "type": "string"}, {"name": "active", "path": "active", "type": "boolean"},
        {"name": "name", "path": "name.first().family", "type": "string"}, {"name": "birth_date", "path": "birthDate", "type": "date"},
        {"name": "rank", "path": "multipleBirth.ofType(integer)", "type": "integer"},
    ]}]}));
    artifacts.add(json!({"resourceType": "ViewDefinition", "name": "patient_address_view", "resource": "Patient", "select": [
        {"column": [{"name": "patient_id", "path": "getResourceKey()", "type": "string"}]},
        {"forEach": "address", "column": [
            {"name": "address_id", "path": "id", "type": "string"}, {"name": "address_line1", "path": "line.first()", "type": "string"},
            {"name": "city", "path": "city", "type": "string"}, {"name": "state", "path": "state", "type": "string"},
            {"name": "postal_code", "path": "postalCode", "type": "string"}, {"name": "updated_at", "path": "period.start", "type": "dateTime"},
        ]},
    ]}));
    artifacts
}

fn patients() -> String {
    let patient = |id: &str, active: bool, rank: i64, cities: &[(&str, &str)]| {
        let addresses: Vec<Value> = cities
            .iter()
            .enumerate()
            .map(|(n, (city, since))| json!({"id": format!("{id}a{n}"), "city": city, "state": "SN", "line": ["L"], "period": {"start": since}}))
            .collect();
        json!({"resourceType": "Patient", "id": id, "active": active, "multipleBirthInteger": rank, "birthDate": "1970-06",
            "name": [{"family": format!("SECRET{id}")}], "address": addresses})
        .to_string()
    };
    [
        patient(
            "p1",
            true,
            1,
            &[("Leipzig", "2019"), ("Leipzig", "2021"), ("Jena", "2020")],
        ),
        patient("p2", true, 2, &[("Jena", "2020")]),
        patient("p3", false, 3, &[("Leipzig", "2020")]),
    ]
    .join("\n")
}

fn library(sql: &str, parameters: &Value) -> Value {
    let depends = |label: &str| {
        let resource = format!("https://example.org/ViewDefinition/{label}");
        json!({"type": "depends-on", "label": label, "resource": resource})
    };
    json!({
        "resourceType": "Library", "name": "own", "type": {"coding": [{"code": "sql-query"}]},
        "relatedArtifact": [depends("patient_view"), depends("patient_address_view")],
        "parameter": parameters,
        "content": [{"contentType": "application/sql", "extension": [{"url": "http://x/sql-text", "valueString": sql}]}],
    })
}

/// The rows of a library's query over the patients.
fn rows(library: &Value, artifacts: &Artifacts, given: &[(&str, &str)]) -> Result<Vec<Value>, String> {
    let told = |error: sql_on_fhir::query::QueryError| {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            text.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        text
    };
    let query = QueryRun::new(Library::from_value(library).map_err(told)?, artifacts).map_err(told)?;
    let folder = tempfile::tempdir().expect("a folder");
    let open = |name: &str| -> std::io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(std::fs::File::create(folder.path().join(name))?))
    };
    let mut options = RunOptions::default();
    options.format = Format::Arrow;
    let mut run = Run::new(query.views(), options, &mut |name| open(name)).expect("opens");
    run.read(patients().as_bytes()).expect("reads");
    run.finish().expect("written");
    let given: HashMap<String, String> = given
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let out = folder.path().join("result");
    let file = Box::new(std::fs::File::create(&out).expect("a file"));
    let output = QueryOutput {
        format: Format::NdJson,
        ..QueryOutput::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let summary = runtime
        .block_on(query.run(folder.path(), &given, output, file))
        .map_err(told)?;
    let text = std::fs::read_to_string(&out).expect("text");
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(summary.rows, rows.len() as u64);
    Ok(rows)
}

#[test]
fn queries_of_the_guide_run() {
    let Some(folder) = shared::folder("sql-on-fhir/guide") else {
        return;
    };
    let read = |name: &str| read(&folder, name);
    let mut artifacts = artifacts();
    for (_, text) in shared::json_files(&folder) {
        artifacts.add(serde_json::from_slice(&text).expect("JSON"));
    }
    let addresses = rows(&read("Library-ActivePatientAddressesQuery"), &artifacts, &[]).expect("runs");
    assert_eq!(addresses.len(), 4, "{addresses:?}");
    let unique = read("Library-UniquePatientAddressesQuery");
    let found = rows(&unique, &artifacts, &[("city", "Leipzig")]).expect("runs");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["patient_id"], &found[0]["city"]),
        (&json!("p1"), &json!("Leipzig"))
    );
    // A parameter is a value, whatever stands in it.
    let found = rows(&unique, &artifacts, &[("city", "Leipzig' OR '1'='1")]).expect("runs");
    assert_eq!(found, Vec::<Value>::new());
    let told = rows(&unique, &artifacts, &[]).expect_err("a parameter is missing");
    assert!(told.contains("the parameter city (string) is missing"), "{told}");
}

fn read(folder: &Path, name: &str) -> Value {
    let text = std::fs::read(folder.join(format!("{name}.json"))).expect("a file");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn parameters_are_bound_by_their_types() {
    let parameters = json!([{"name": "least", "use": "in", "type": "integer"}, {"name": "on", "use": "in", "type": "boolean"}]);
    let sql =
        "SELECT id, rank FROM patient_view WHERE rank >= :least AND active = :on -- :least\nORDER BY id";
    let found = rows(
        &library(sql, &parameters),
        &artifacts(),
        &[("least", "1"), ("on", "true")],
    )
    .expect("runs");
    assert_eq!(
        found,
        [json!({"id": "p1", "rank": 1}), json!({"id": "p2", "rank": 2})]
    );
    let told = rows(
        &library(sql, &parameters),
        &artifacts(),
        &[("least", "x"), ("on", "true")],
    )
    .expect_err("refused");
    assert_eq!(told, "the parameter least is no integer");
}

#[test]
fn only_queries_over_the_declared_tables_are_run() {
    let file = tempfile::NamedTempFile::with_suffix(".csv").expect("a file");
    let path = file.path().display();
    for sql in [
        "DROP TABLE patient_view".to_owned(),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        format!("COPY patient_view TO '{path}'"),
        format!("CREATE EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION '{path}'"),
        "INSERT INTO patient_view SELECT * FROM patient_view".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        format!("SELECT * FROM '{path}'"),
        "SELECT * FROM information_schema.tables".to_owned(),
        "SELECT * FROM no_table".to_owned(),
        "SELECT no_column FROM patient_view".to_owned(),
        "SELECT 1; SELECT 2".to_owned(),
        "SELEC 1".to_owned(),
        String::new(),
    ] {
        let told = rows(&library(&sql, &json!([])), &artifacts(), &[]).expect_err(&sql);
        assert!(
            told.starts_with("the SQL of own is refused: ") || told.contains("no content"),
            "{sql}: {told}"
        );
    }
    // What a value makes of the SQL is told by its kind only.
    let told = rows(
        &library("SELECT CAST(name AS INT) FROM patient_view", &json!([])),
        &artifacts(),
        &[],
    )
    .expect_err("no number");
    assert!(
        told.contains("a value does not fit") && !told.contains("SECRET"),
        "{told}"
    );
}

#[test]
fn libraries_that_cannot_be_run_say_why() {
    let good = library("SELECT 1", &json!([]));
    let with = |pointer: &str, value: Value| {
        let mut library = good.clone();
        *library.pointer_mut(pointer).expect(pointer) = value;
        rows(&library, &artifacts(), &[]).expect_err(pointer)
    };
    for (pointer, value, reason) in [
        ("/resourceType", json!("Patient"), "it is no Library"),
        (
            "/type/coding/0/code",
            json!("logic-library"),
            "neither its profile nor its type",
        ),
        (
            "/content/0/contentType",
            json!("application/sql;dialect=postgresql"),
            "no content of the type application/sql",
        ),
        (
            "/content/0",
            json!({"contentType": "application/sql", "data": "&"}),
            "its data is not base64",
        ),
        (
            "/relatedArtifact/0/resource",
            json!("https://example.org/ViewDefinition/other"),
            "which is not at hand",
        ),
        (
            "/relatedArtifact/1/label",
            json!("patient_view"),
            "label stands twice",
        ),
        ("/relatedArtifact/1/label", json!("a; b"), "is no name of a table"),
    ] {
        let told = with(pointer, value);
        assert!(told.contains(reason), "{pointer}: {told}");
    }
    let mut round = artifacts();
    let mut inner = library("SELECT 1", &json!([]));
    inner["url"] = json!("http://x/Library/round");
    inner["relatedArtifact"] =
        json!([{"type": "depends-on", "label": "t", "resource": "http://x/Library/round"}]);
    round.add(inner.clone());
    let told = rows(&inner, &round, &[]).expect_err("a circle");
    assert!(told.contains("in a circle"), "{told}");
}
