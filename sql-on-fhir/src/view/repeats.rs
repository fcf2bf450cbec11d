//! Which elements repeat, for the warning before a column ends a run over real data.

use crate::fhirpath::{Ast, Function, Kind};

/// Elements that repeat wherever FHIR R4 has them.
const ALWAYS: [&str; 10] = [
    "coding",
    "component",
    "contained",
    "given",
    "interpretation",
    "line",
    "prefix",
    "reasonCode",
    "suffix",
    "telecom",
];

/// Elements of resources that repeat, by type of the resource; elsewhere these names may stand for one.
const OF_RESOURCE: [(&str, &[&str]); 11] = [
    ("AllergyIntolerance", &["category", "identifier", "reaction"]),
    (
        "Condition",
        &["bodySite", "category", "evidence", "identifier", "stage"],
    ),
    ("DiagnosticReport", &["category", "identifier", "result"]),
    (
        "Encounter",
        &["diagnosis", "identifier", "location", "participant", "type"],
    ),
    ("Immunization", &["identifier", "reaction"]),
    ("Medication", &["identifier", "ingredient"]),
    (
        "MedicationRequest",
        &["category", "dosageInstruction", "identifier"],
    ),
    (
        "Observation",
        &["category", "identifier", "performer", "referenceRange"],
    ),
    (
        "Patient",
        &[
            "address",
            "communication",
            "contact",
            "generalPractitioner",
            "identifier",
            "link",
            "name",
            "photo",
        ],
    ),
    (
        "Practitioner",
        &["address", "identifier", "name", "qualification"],
    ),
    ("Procedure", &["bodySite", "identifier", "performer"]),
];

/// The first element on the way of a path that may repeat, where nothing behind it picks one. `resource` is the type of the
/// resource the path begins at; empty where it begins at another element.
pub(super) fn many<'a>(ast: &'a Ast, resource: &str) -> Option<&'a str> {
    match &ast.kind {
        Kind::Child(of, name) => many(of, resource).or_else(|| {
            let at_root = matches!(of.kind, Kind::This);
            let known = OF_RESOURCE.iter().find(|(known, _)| *known == resource);
            let repeats = ALWAYS.contains(&name.as_str())
                || at_root && known.is_some_and(|(_, names)| names.contains(&name.as_str()));
            repeats.then_some(name)
        }),
        Kind::Call(
            of,
            Function::Where | Function::OfType | Function::Extension | Function::GetReferenceKey,
            _,
        ) => many(of, resource),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhirpath::parse;

    #[test]
    fn a_path_is_warned_of_where_it_may_give_many() {
        for (resource, path, expected) in [
            ("Patient", "name.family", Some("name")),
            ("Patient", "name.where(use = 'official').family", Some("name")),
            ("Patient", "name.first().family", None),
            ("Patient", "name[0].given", Some("given")),
            ("Patient", "name.given.first()", None),
            ("Patient", "name.given.join(' ')", None),
            ("Patient", "name.exists()", None),
            ("Patient", "birthDate", None),
            ("Organization", "name", None),
            ("", "name", None),
            ("", "code.coding.code", Some("coding")),
            ("Observation", "code.text", None),
            (
                "Observation",
                "performer.getReferenceKey(Patient)",
                Some("performer"),
            ),
        ] {
            let ast = parse(path).expect(path);
            assert_eq!(many(&ast, resource), expected, "{resource} {path}");
        }
    }
}
