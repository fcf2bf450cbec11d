//! Views to start from: one a table of a hospital's core data.

/// Names and ViewDefinitions, in the order of names.
const SHIPPED: [(&str, &str); 11] = [
    ("condition", include_str!("../views/condition.json")),
    ("encounter", include_str!("../views/encounter.json")),
    (
        "encounter-location",
        include_str!("../views/encounter-location.json"),
    ),
    ("medication", include_str!("../views/medication.json")),
    (
        "medication-administration",
        include_str!("../views/medication-administration.json"),
    ),
    (
        "medication-request",
        include_str!("../views/medication-request.json"),
    ),
    ("observation", include_str!("../views/observation.json")),
    (
        "observation-component",
        include_str!("../views/observation-component.json"),
    ),
    ("patient", include_str!("../views/patient.json")),
    (
        "patient-identifier",
        include_str!("../views/patient-identifier.json"),
    ),
    ("procedure", include_str!("../views/procedure.json")),
];

/// All, each with its name.
pub fn all() -> impl ExactSizeIterator<Item = (&'static str, &'static str)> {
    SHIPPED.into_iter()
}

/// The view of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    all().find(|(known, _)| *known == name).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ViewDefinition, Views};

    #[test]
    fn all_compile_together_without_a_lint() {
        let views: Vec<ViewDefinition> = all()
            .map(|(name, text)| {
                let view = ViewDefinition::from_json(text.as_bytes()).expect(name);
                assert_eq!(view.lints(), [], "{name}");
                assert_eq!(view.name, Some(name.replace('-', "_")));
                view
            })
            .collect();
        assert_eq!(
            Views::new(&views).expect("compile").names().count(),
            SHIPPED.len()
        );
    }
}
