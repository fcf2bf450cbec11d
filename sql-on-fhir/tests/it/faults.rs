//! Views that are wrong are refused with the place and the reason, all faults at once.

use serde_json::{Value, json};
use sql_on_fhir::{ViewDefinition, Views, suite};

use crate::shared;

/// The message a view is refused with.
fn refusal(view: &Value) -> String {
    match ViewDefinition::from_value(view).and_then(|view| Views::new(&[view])) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_error_test_of_the_suite_is_refused_for_its_own_reason() {
    let Some(folder) = shared::folder("sql-on-fhir") else {
        return;
    };
    let reasons = [
        (
            "fail when 'collection' is not true",
            "/select/0/column/1: resource 1 has more than one value",
        ),
        (
            "accessing an undefined constant",
            "/select/0/forEach: at character 17: %wrong_name is not among the constants",
        ),
        (
            "incorrect constant definition",
            "/constant/0: expected a constant with a value[x]",
        ),
        (
            "empty",
            "/resource: expected a text, which is required\n  /select: expected at least one select",
        ),
        ("missing resource", "/resource: expected a text"),
        ("resource not specified", "/resource: expected a text"),
        (
            "wrong fhirpath",
            "/select/0/forEach: at character 0: @ begins a date",
        ),
        ("wrong type in forEach", "/select/0/forEach: expected a text"),
        (
            "where with path resolving to not boolean",
            "/where/0/path: at character 0: a condition is true or false",
        ),
        (
            "column mismatch",
            "/select/0/unionAll/1: the columns of all branches are the same in the same order; the first has a, b, this one a, c",
        ),
        ("column order mismatch", "the first has a, b, this one b, a"),
        (
            "getReferenceKey on multiple references fails in a single-valued column",
            "resource 1 has more than one value",
        ),
    ];
    let mut seen = 0;
    for part in ["tests", "newer"] {
        for (name, text) in shared::json_files(&folder.join(part)) {
            let file: Value = serde_json::from_slice(&text).expect("JSON");
            let lines: Vec<String> = file["resources"]
                .as_array()
                .expect("resources")
                .iter()
                .map(Value::to_string)
                .collect();
            for test in file["tests"].as_array().expect("tests") {
                if test["expectError"] != json!(true) {
                    continue;
                }
                let title = test["title"].as_str().expect("a title");
                let error = suite::rows(&test["view"], &[lines.join("\n").into_bytes()]).expect_err(title);
                let (_, reason) = reasons.iter().find(|(known, _)| *known == title).expect(title);
                assert!(error.contains(reason), "{name}, {title}: {error}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 12, "{seen}");
}

#[test]
fn all_faults_of_a_view_are_told_at_once_with_their_pointers() {
    let view = json!({
        "resourceType": "Patient",
        "resource": "patient",
        "constant": [{"name": "a", "valueInteger": "1"}, {"name": "1b", "valueString": "x"}, {"name": "c", "valueString": "x", "valueCode": "y"}],
        "where": [{"path": 1}],
        "select": [{
            "forEach": "name", "repeat": ["item"],
            "column": [{"name": "é", "path": "family"}, {"path": "x", "collection": "yes"}],
        }, {"column": "x"}],
    });
    let told = refusal(&view);
    for part in [
        "/resourceType: expected ViewDefinition",
        "/resource: expected the name of a resource type",
        "/constant/0/valueInteger: expected a value of the type integer",
        "/constant/1/name: expected a name of letters",
        "/constant/2: expected a constant with one value[x]",
        "/where/0/path: expected a text",
        "/select/0: expected only one of forEach, repeat",
        "/select/0/column/0/name: expected a name of letters",
        "/select/0/column/1/name: expected a text, which is required",
        "/select/0/column/1/collection: expected true or false",
        "/select/1/column: expected an array",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}

#[test]
fn what_is_outside_of_the_subset_is_refused_with_its_place() {
    for (path, reason) in [
        (
            "name.select(family)",
            "at character 5: the function select is not among those of views",
        ),
        (
            "name | contact",
            "at character 5: the operator | is not among those of views",
        ),
        (
            "a is string",
            "at character 2: the operator is is not among those of views",
        ),
        (
            "$index",
            "at character 0: the variable $index is not among those of views",
        ),
        ("name.first(1)", "first takes 0 arguments, here are 1"),
        ("name.where()", "where takes 1 arguments, here are 0"),
        ("'abc", "at character 0: the quote is not closed"),
        ("name..family", "at character 5: expected a name or a function"),
        ("Encounter.status", "the view is over Patient, not over Encounter"),
        ("name[", "at character 5: expected a name, a literal or ("),
        ("1 + true", "the operator takes numbers"),
        ("'a' < 1", "String and Integer have no order"),
        ("value.ofType(quantity)", "quantity is no type of FHIR"),
        ("5 'mg'", "views have no quantities"),
        ("name.where(1)", "criteria are true or false"),
        ("@2020-13-01", "@ begins a date"),
        ("%missing", "%missing is not among the constants"),
        ("name.given[true]", "an index is an integer"),
        ("name /* x", "the comment has no end"),
    ] {
        let view = json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": path}]}]});
        let told = refusal(&view);
        assert!(told.contains("/select/0/column/0/path: "), "{path}: {told}");
        assert!(told.contains(reason), "{path}: {told}");
    }
}

#[test]
fn likely_mistakes_are_told_and_allowed() {
    let view = json!({"resource": "Patient", "select": [{"foreach": "name", "column": [{"name": "id", "path": "id", "typ": "id"}]}]});
    let view = ViewDefinition::from_value(&view).expect("allowed");
    let told: Vec<String> = view.lints().iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|lint| lint.contains("/select/0/foreach: is not read; it is written forEach")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|lint| lint.contains("/select/0/column/0/typ: is not read")),
        "{told:?}"
    );
}

#[test]
fn views_out_of_all_measure_are_refused_or_bounded() {
    let deep = "(".repeat(1_000) + "id" + &")".repeat(1_000);
    let long = vec!["id"; 1_000].join(" = 'x' and ");
    let far = vec!["item"; 100].join(".");
    for path in [deep, long, far, "id".repeat(20_000)] {
        let view = json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": path}]}]});
        assert!(
            refusal(&view).contains("/select/0/column/0/path: at character"),
            "{}",
            &path[..20]
        );
    }
    let columns: Vec<Value> = (0..10_000)
        .map(|n| json!({"name": format!("c{n}"), "path": "id"}))
        .collect();
    let wide = json!({"resource": "Patient", "select": [{"column": columns}]});
    assert!(refusal(&wide).contains("expected at most 4096 columns"));
    let nested = (0..100).fold(
        json!({"column": [{"name": "a", "path": "id"}]}),
        |inner, _| json!({"select": [inner]}),
    );
    let nested = json!({"resource": "Patient", "select": [nested]});
    assert!(refusal(&nested).contains("expected at most 32 levels"));
    let cyclic = json!({"resource": "Patient", "constant": [{"name": "a", "valueString": "%a"}],
        "select": [{"column": [{"name": "a", "path": "%a"}]}]});
    let page = br#"{"resourceType":"Patient"}"#.to_vec();
    let (_, rows) = suite::rows(&cyclic, &[page]).expect("a constant is a text");
    assert_eq!(rows, [json!({"a": "%a"})]);
    // 40 selects of 10 rows each would be 10^40 rows.
    let each: Vec<Value> = (0..40)
        .map(|n| json!({"forEach": "name", "column": [{"name": format!("n{n}"), "path": "family"}]}))
        .collect();
    let product = json!({"resource": "Patient", "select": each});
    let view = ViewDefinition::from_value(&product).expect("a view");
    let views = Views::new(&[view]).expect("compiles");
    let mut options = sql_on_fhir::RunOptions::default();
    options.row_limit = 10_000;
    let mut run =
        sql_on_fhir::Run::new(&views, options, &mut |_| Ok(Box::new(std::io::sink()))).expect("memory");
    let names = [r#"{"family":"x"}"#; 10].join(",");
    let page = format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#);
    let error = run.read(page.as_bytes()).expect_err("too many rows").to_string();
    assert!(
        error.contains("resource 1 has more rows than the limit allows"),
        "{error}"
    );
}

#[test]
fn nothing_of_a_resource_stands_in_an_error() {
    let page =
        br#"{"resourceType":"Patient","id":"SECRET","name":[{"family":"SECRET"},{"family":"SECRET"}]}"#
            .to_vec();
    for view in [
        json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "name.family"}]}]}),
        json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id"}]}], "where": [{"path": "id"}]}),
        json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "name.family + 'x'"}]}]}),
    ] {
        let error = suite::rows(&view, std::slice::from_ref(&page)).expect_err("does not fit");
        assert!(!error.contains("SECRET"), "{error}");
    }
}
