//! Cases of our own from the text of the specification: what an expression gives over one resource.

use serde_json::{Value, json};
use sql_on_fhir::suite;

use crate::xml;

fn observation() -> Value {
    json!({
        "resourceType": "Observation", "id": "o1", "status": "final",
        "category": [{"coding": [{"system": "s1", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic"}, {"system": "s", "code": "x"}],
                 "text": "pressure"},
        "subject": {"reference": "Patient/p1/_history/3", "type": "Patient"},
        "hasMember": [{"reference": "http://server/fhir/Observation/o2"}, {"reference": "urn:uuid:5c0c0a1e-0000-4000-8000-000000000001"}, {"reference": "#inside"}],
        "effectiveDateTime": "2020-02-29T10:11:12.5+02:00", "issued": "2020-02-29T10:11:12.500Z",
        "valueQuantity": {"value": 120.50, "unit": "mmHg", "code": "mm[Hg]"},
        "component": [
            {"code": {"text": "a"}, "valueInteger": 7},
            {"code": {"text": "b"}, "valueString": "7"},
            {"code": {"text": "c"}, "valueTime": "09:30"},
            {"code": {"text": "d"}, "valueDateTime": "2019-05"},
            {"code": {"text": "e"}, "valueBoolean": false},
            {"code": {"text": "f"}, "valueQuantity": {"value": -0.0345}},
        ],
    })
}

pub(crate) fn patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "p1", "active": true, "gender": "female", "birthDate": "1970-06",
        "_birthDate": {"extension": [{"url": "http://x/birthTime", "valueDateTime": "1970-06-01T10:00:00Z"}]},
        "multipleBirthInteger": 2,
        "name": [
            {"use": "official", "family": "Müller", "given": ["Anna", "Berta"], "period": {"start": "2001-01-01"}},
            {"use": "usual", "given": ["Anni"]},
            {"use": "maiden", "family": "O'Neil"},
        ],
        "extension": [
            {"url": "http://x/race", "extension": [{"url": "text", "valueString": "r"}, {"url": "code", "valueCoding": {"code": "c1"}}]},
            {"url": "http://x/flag", "valueBoolean": true},
        ],
        "managingOrganization": {"reference": "Organization/org-1"},
        "link": [{"other": {"reference": "Patient/p1"}, "type": "seealso"}],
        "deceasedBoolean": false,
    })
}

/// The values of an expression as a collection, from JSON and from XML.
fn values(resource: &Value, path: &str) -> Vec<Result<Value, String>> {
    let view = json!({
        "resource": resource["resourceType"],
        "constant": [
            {"name": "use", "valueCode": "usual"}, {"name": "n", "valueInteger": 1}, {"name": "day", "valueDate": "1980-01-01"},
            {"name": "half", "valueDecimal": 0.5}, {"name": "yes", "valueBoolean": true},
        ],
        "select": [{"column": [{"name": "v", "path": path, "collection": true}]}],
    });
    [
        resource.to_string().into_bytes(),
        xml::document(resource).into_bytes(),
    ]
    .into_iter()
    .map(|page| suite::rows(&view, &[page]).map(|(_, rows)| rows[0]["v"].clone()))
    .collect()
}

/// Compares numbers as numbers; XML writes what has no known type as text.
fn alike(found: &Value, expected: &Value, xml: bool) -> bool {
    match (found, expected) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b, xml))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::String(a), Value::Number(_) | Value::Bool(_)) if xml => {
            serde_json::from_str::<Value>(a).is_ok_and(|a| alike(&a, expected, false))
        }
        _ => found == expected,
    }
}

#[test]
fn expressions_give_what_the_specification_says() {
    let (patient, observation) = (patient(), observation());
    let cases = [
        // Paths and indexers flatten what lies on the way.
        (&patient, "name.given", json!(["Anna", "Berta", "Anni"])),
        (&patient, "name.given[2]", json!(["Anni"])),
        (&patient, "name[0].given[1]", json!(["Berta"])),
        (&patient, "name[7]", json!([])),
        (&patient, "name[-1].family", json!([])),
        (&patient, "name[%n].use", json!(["usual"])),
        (&patient, "Patient.name.family", json!(["Müller", "O'Neil"])),
        (&patient, "name.family.first()", json!(["Müller"])),
        (&patient, "(name.given).first()", json!(["Anna"])),
        (&patient, "`name`.`family`", json!(["Müller", "O'Neil"])),
        (&patient, "nonsense.below", json!([])),
        (&patient, "{}", json!([])),
        // Literals and arithmetic.
        (&patient, "'it\\'s'", json!(["it's"])),
        (&patient, "'\\u00e4'", json!(["ä"])),
        (&patient, "1 + 2 * 3", json!([7])),
        (&patient, "(1 + 2) * 3", json!([9])),
        (&patient, "7 / 2", json!([3.5])),
        (&patient, "1 / 0", json!([])),
        (&patient, "5 - 7", json!([-2])),
        (&patient, "-(2 + 3)", json!([-5])),
        (&patient, "0.1 + 0.2", json!([0.3])),
        (&patient, "%half * 3", json!([1.5])),
        (&patient, "1 + {}", json!([])),
        (&patient, "multipleBirth.ofType(integer) + 1", json!([3])),
        (
            &patient,
            "name.first().family + ', ' + name.first().given.first()",
            json!(["Müller, Anna"]),
        ),
        (&patient, "gender + '-x'", json!(["female-x"])),
        (&patient, "'x-' + gender", json!(["x-female"])),
        (&patient, "gender + name.first().use", json!(["femaleofficial"])),
        (&observation, "value.ofType(Quantity).value / 2", json!([60.25])),
        (&observation, "value.ofType(Quantity).value - 0.5", json!([120])),
        // Comparisons.
        (&patient, "gender = 'female'", json!([true])),
        (&patient, "gender != 'female'", json!([false])),
        (&patient, "active = true", json!([true])),
        (&patient, "active = %yes", json!([true])),
        (&patient, "nonsense = 'x'", json!([])),
        (&patient, "name.family = 'x'", json!([false])),
        (&patient, "birthDate < @1980-01-01", json!([true])),
        (&patient, "birthDate < %day", json!([true])),
        (&patient, "birthDate = @1970", json!([])),
        (&patient, "birthDate < @1970-06-15", json!([])),
        (&patient, "1 = 1.0", json!([true])),
        (&patient, "2 >= 2 and 3 > 2 and 1 < 2 and 1 <= 1", json!([true])),
        (&patient, "'b' > 'a'", json!([true])),
        (
            &patient,
            "@2015-02-04T14:34:28Z = @2015-02-04T15:34:28+01:00",
            json!([true]),
        ),
        (&patient, "@T10:30 < @T11:00", json!([true])),
        (&observation, "issued > @2020-01-01T00:00:00Z", json!([true])),
        (
            &observation,
            "value.ofType(Quantity).value > 120.4",
            json!([true]),
        ),
        (
            &observation,
            "value.ofType(Quantity).value = 120.5",
            json!([true]),
        ),
        (
            &observation,
            "component.where(value.ofType(integer) = 7).code.text",
            json!(["a"]),
        ),
        (
            &observation,
            "component.where(value.ofType(string) = '7').code.text",
            json!(["b"]),
        ),
        // Three-valued logic.
        (&patient, "active and nonsense", json!([])),
        (&patient, "deceased.ofType(boolean) and nonsense", json!([false])),
        (&patient, "nonsense or active", json!([true])),
        (&patient, "nonsense.not()", json!([])),
        (&patient, "active.not()", json!([false])),
        (&patient, "name.exists() and contact.empty()", json!([true])),
        (&patient, "true or false and false", json!([true])),
        // Functions.
        (&patient, "name.where(use = %use).given", json!(["Anni"])),
        (
            &patient,
            "name.where(family.exists()).use",
            json!(["official", "maiden"]),
        ),
        (
            &patient,
            "name.where($this.use = 'maiden').family",
            json!(["O'Neil"]),
        ),
        (&patient, "name.where(family = 'O\\'Neil').use", json!(["maiden"])),
        (&patient, "name.exists(use = 'nickname')", json!([false])),
        (
            &patient,
            "name.where(given.exists($this = 'Berta')).use",
            json!(["official"]),
        ),
        (
            &patient,
            "name.given.where($this != 'Anna')",
            json!(["Berta", "Anni"]),
        ),
        (&patient, "name.given.join()", json!(["AnnaBertaAnni"])),
        (&patient, "name.given.join(', ')", json!(["Anna, Berta, Anni"])),
        (&patient, "name.where(use = 'none').given.join(',')", json!([])),
        (&patient, "name.period.start", json!(["2001-01-01"])),
        (&patient, "deceased.ofType(boolean)", json!([false])),
        (&patient, "deceased.ofType(dateTime)", json!([])),
        (&patient, "multipleBirth.ofType(FHIR.integer)", json!([2])),
        (
            &patient,
            "extension('http://x/race').extension('text').value.ofType(string)",
            json!(["r"]),
        ),
        (
            &patient,
            "extension('http://x/race').extension('code').value.ofType(Coding).code",
            json!(["c1"]),
        ),
        (
            &patient,
            "extension('http://x/flag').value.ofType(boolean)",
            json!([true]),
        ),
        (
            &patient,
            "birthDate.extension('http://x/birthTime').value.ofType(dateTime)",
            json!(["1970-06-01T10:00:00Z"]),
        ),
        (
            &patient,
            "extension.where(url = 'http://x/flag').value.ofType(boolean)",
            json!([true]),
        ),
        (&observation, "component.value.ofType(string)", json!(["7"])),
        (
            &observation,
            "component.where(value.exists()).code.text",
            json!(["a", "b", "c", "d", "e", "f"]),
        ),
        // Keys.
        (&patient, "getResourceKey()", json!(["p1"])),
        (
            &patient,
            "link.other.getReferenceKey() = getResourceKey()",
            json!([true]),
        ),
        (
            &patient,
            "managingOrganization.getReferenceKey(Organization)",
            json!(["org-1"]),
        ),
        (
            &patient,
            "managingOrganization.getReferenceKey(Patient)",
            json!([]),
        ),
        (&observation, "subject.getReferenceKey()", json!(["p1"])),
        (&observation, "subject.getReferenceKey(Patient)", json!(["p1"])),
        (
            &observation,
            "hasMember.getReferenceKey()",
            json!(["o2", "5c0c0a1e-0000-4000-8000-000000000001"]),
        ),
        (
            &observation,
            "hasMember.getReferenceKey(Observation).first()",
            json!(["o2"]),
        ),
        // Boundaries.
        (&patient, "birthDate.lowBoundary()", json!(["1970-06-01"])),
        (&patient, "birthDate.highBoundary()", json!(["1970-06-30"])),
        (
            &observation,
            "effective.ofType(dateTime).lowBoundary()",
            json!(["2020-02-29T10:11:12.500+02:00"]),
        ),
        (
            &observation,
            "effective.ofType(dateTime).highBoundary()",
            json!(["2020-02-29T10:11:12.599+02:00"]),
        ),
        (
            &observation,
            "component.where(code.text = 'd').value.ofType(dateTime).lowBoundary()",
            json!(["2019-05-01T00:00:00.000+14:00"]),
        ),
        (
            &observation,
            "component.where(code.text = 'd').value.ofType(dateTime).highBoundary()",
            json!(["2019-05-31T23:59:59.999-12:00"]),
        ),
        (
            &observation,
            "component.value.ofType(time).lowBoundary()",
            json!(["09:30:00.000"]),
        ),
        (
            &observation,
            "component.value.ofType(time).highBoundary()",
            json!(["09:30:59.999"]),
        ),
        (
            &observation,
            "component.value.ofType(integer).lowBoundary()",
            json!([6.5]),
        ),
        (
            &observation,
            "component.value.ofType(Quantity).value.lowBoundary()",
            json!([-0.03455]),
        ),
        (
            &observation,
            "component.value.ofType(Quantity).value.highBoundary()",
            json!([-0.03445]),
        ),
        (&patient, "@T10:30.highBoundary()", json!(["10:30:59.999"])),
        (
            &patient,
            "@2015-02-04T14:34:28.1Z.lowBoundary()",
            json!(["2015-02-04T14:34:28.100Z"]),
        ),
        (&patient, "@2015-02-04T14:34:28Z.exists()", json!([true])),
        (&patient, "@2015-02-04.exists()", json!([true])),
        (&patient, "1.exists()", json!([true])),
        (
            &patient,
            "1.5.exists() and true.exists() and 'a'.exists()",
            json!([true]),
        ),
        (
            &patient,
            "@2014-01-01T08.lowBoundary()",
            json!(["2014-01-01T08:00:00.000+14:00"]),
        ),
        (&patient, "@2014.highBoundary(6)", json!(["2014-12"])),
        (&patient, "1.587.lowBoundary(2)", json!([1.58])),
        (&patient, "1.587.highBoundary(2)", json!([1.59])),
        (&patient, "nonsense.lowBoundary()", json!([])),
        (&patient, "%rowIndex", json!([0])),
    ];
    let mut wrong = Vec::new();
    for (resource, path, expected) in cases {
        for (found, xml) in values(resource, path).into_iter().zip([false, true]) {
            if !found.as_ref().is_ok_and(|found| alike(found, &expected, xml)) {
                wrong.push(format!(
                    "{path} (XML: {xml}): expected {expected}, found {found:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
