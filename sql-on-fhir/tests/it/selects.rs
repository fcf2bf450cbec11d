//! Cases of our own from the text of the specification: what selects give over one resource, and which views are refused.

use serde_json::{Value, json};
use sql_on_fhir::suite;

use crate::cases::patient;

/// The rows of selects over a resource; CSV of none is an error.
fn rows(resource: &Value, selects: &Value) -> Result<Vec<Value>, String> {
    let view = json!({"resource": resource["resourceType"], "select": selects});
    suite::rows(&view, &[resource.to_string().into_bytes()]).map(|(_, rows)| rows)
}

fn response() -> Value {
    json!({"resourceType": "QuestionnaireResponse", "id": "q", "item": [
        {"linkId": "1", "item": [
            {"linkId": "1.1", "answer": [{"valueString": "x", "item": [{"linkId": "1.1.1"}]}, {"valueInteger": 3}]},
            {"linkId": "1.2"},
        ]},
        {"linkId": "2", "answer": [{"valueBoolean": true}]},
    ]})
}

#[test]
fn selects_give_the_rows_the_specification_says() {
    let link = |name: &str| json!({"name": name, "path": "linkId"});
    let (response, patient) = (response(), patient());
    let cases = [
        (
            "repeat goes down by all paths and numbers the elements in the order of the tree",
            &response,
            json!([{"repeat": ["item", "answer.item"], "column": [link("l"), {"name": "n", "path": "%rowIndex"}]}]),
            json!([{"l": "1", "n": 0}, {"l": "1.1", "n": 1}, {"l": "1.1.1", "n": 2}, {"l": "1.2", "n": 3}, {"l": "2", "n": 4}]),
        ),
        (
            "conditions of a repeated path hold at every level",
            &response,
            json!([{"repeat": ["item.where(linkId != '1.1')"], "column": [link("l")]}]),
            json!([{"l": "1"}, {"l": "1.2"}, {"l": "2"}]),
        ),
        (
            "a forEach inside of a repeat multiplies",
            &response,
            json!([{"repeat": ["item"], "column": [link("l")], "select": [
                {"forEach": "answer", "column": [{"name": "i", "path": "value.ofType(integer)"}, {"name": "n", "path": "%rowIndex"}]}]}]),
            json!([{"l": "1.1", "i": null, "n": 0}, {"l": "1.1", "i": 3, "n": 1}, {"l": "2", "i": null, "n": 0}]),
        ),
        (
            "a repeat of nothing is no row",
            &patient,
            json!([{"column": [{"name": "id", "path": "id"}]}, {"repeat": ["contact"], "column": [{"name": "g", "path": "gender"}]}]),
            json!([]),
        ),
        (
            "one that is repeated in a branch of a union",
            &response,
            json!([{"unionAll": [{"repeat": ["item"], "column": [link("l")]}, {"forEach": "item", "column": [link("l")]}]}]),
            json!([{"l": "1"}, {"l": "1.1"}, {"l": "1.2"}, {"l": "2"}, {"l": "1"}, {"l": "2"}]),
        ),
        (
            "forEachOrNull keeps its columns NULL, literals and what is inside as well",
            &patient,
            json!([{"column": [{"name": "id", "path": "id"}]}, {"forEachOrNull": "contact", "column": [{"name": "t", "path": "true"}],
                "select": [{"forEach": "telecom", "column": [{"name": "v", "path": "value"}]}]}]),
            json!([{"id": "p1", "t": null, "v": null}]),
        ),
        (
            "forEach over values has them as $this",
            &patient,
            json!([{"forEach": "name.given", "column": [{"name": "g", "path": "$this"}, {"name": "n", "path": "%rowIndex"}]}]),
            json!([{"g": "Anna", "n": 0}, {"g": "Berta", "n": 1}, {"g": "Anni", "n": 2}]),
        ),
        (
            "a union of unions in the order of its branches",
            &patient,
            json!([{"column": [{"name": "id", "path": "id"}], "unionAll": [
                {"unionAll": [{"column": [{"name": "x", "path": "'a'"}]}, {"column": [{"name": "x", "path": "'b'"}]}]},
                {"column": [{"name": "x", "path": "'c'"}]}]}]),
            json!([{"id": "p1", "x": "a"}, {"id": "p1", "x": "b"}, {"id": "p1", "x": "c"}]),
        ),
        (
            "selects beside each other multiply",
            &patient,
            json!([{"forEach": "name", "column": [{"name": "u", "path": "use"}]}, {"forEach": "extension", "column": [{"name": "e", "path": "url"}]}]),
            json!([
                {"u": "official", "e": "http://x/race"}, {"u": "official", "e": "http://x/flag"},
                {"u": "usual", "e": "http://x/race"}, {"u": "usual", "e": "http://x/flag"},
                {"u": "maiden", "e": "http://x/race"}, {"u": "maiden", "e": "http://x/flag"},
            ]),
        ),
        (
            "collections keep their order, and are empty where nothing is",
            &patient,
            json!([{"column": [
                {"name": "g", "path": "name.given", "collection": true}, {"name": "c", "path": "contact.gender", "collection": true}]}]),
            json!([{"g": ["Anna", "Berta", "Anni"], "c": []}]),
        ),
    ];
    for (title, resource, selects, expected) in cases {
        assert_eq!(
            rows(resource, &selects).as_deref(),
            Ok(&expected.as_array().expect("rows")[..]),
            "{title}"
        );
    }
}

#[test]
fn views_that_break_a_rule_of_the_specification_are_refused() {
    let select = json!([{"column": [{"name": "id", "path": "id"}]}]);
    let string_and = |other: &str| json!([{"unionAll": [{"column": [{"name": "a", "path": "id", "type": "string"}]}, {"column": [{"name": "a", "path": "id", "type": other}]}]}]);
    let cases = [
        (
            json!({"resource": "Patients", "select": select}),
            "/resource: expected the name of a resource type",
        ),
        (
            json!({"resource": "HumanName", "select": select}),
            "/resource: expected the name of a resource type",
        ),
        (
            json!({"resource": "Patient", "name": "my-view", "select": select}),
            "/name: expected a name of letters",
        ),
        (
            json!({"resource": "Patient", "name": "_v", "select": select}),
            "/name: expected a name of letters",
        ),
        (
            json!({"resource": "Patient", "select": string_and("boolean")}),
            "a (string), this one a (boolean)",
        ),
        (
            json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id"}, {"name": "a", "path": "id"}]}]}),
            "taken already",
        ),
        (
            json!({"resource": "Patient", "constant": [{"name": "rowIndex", "valueInteger": 1}], "select": select}),
            "/constant/0/name: expected another name",
        ),
        (
            json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "name", "type": "HumanName"}]}]}),
            "HumanName is no primitive",
        ),
        (
            json!({"resource": "Patient", "select": [{"forEach": "name", "forEachOrNull": "name", "column": []}]}),
            "only one of forEach",
        ),
    ];
    for (view, reason) in cases {
        let told = suite::rows(&view, &[]).expect_err(reason);
        assert!(told.contains(reason), "{told}");
    }
    let allowed = json!({"resource": "Patient", "select": string_and("code")});
    suite::rows(&allowed, &[]).expect("types that are strings alike");
}
