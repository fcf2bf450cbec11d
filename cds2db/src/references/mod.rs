//! References that servers leave out and that consumers need: the parent and the main encounter of an encounter,
//! and the main encounter of every other resource.

mod addition;
mod encounter_graph;
#[cfg(test)]
mod graph_tests;
mod level;
mod timeline;

pub(crate) use addition::Addition;
pub use cds_hub::ask::EncounterRow;
pub use encounter_graph::EncounterGraph;
pub use level::Level;
use table_description::reference::{IdRule, literal};

/// What a calculated reference says where no encounter fits.
pub const INVALID: &str = "invalid";

/// The id within a reference such as `Encounter/1`, `https://host/fhir/Encounter/1` or `Encounter/1/_history/2`.
///
/// `None` for a reference to something else, a contained resource or a `urn:`.
/// Source: <https://hl7.org/fhir/R4/references.html#literal> (R4).
#[must_use]
pub fn reference_id<'r>(reference: &'r str, resource: &str) -> Option<&'r str> {
    literal(reference, IdRule::Odd)?.id_of(resource)
}

#[cfg(test)]
mod tests {
    use super::reference_id;

    #[test]
    fn finds_the_id_in_every_form() {
        let cases = [
            ("Encounter/1", Some("1")),
            ("https://h/fhir/Encounter/a-b", Some("a-b")),
            ("Encounter/1/_history/2", Some("1")),
            ("Patient/1", None),
            ("Encounter/", None),
            ("https://h/Encounter/fhir/Encounter/e1", Some("e1")),
            ("Encounter/a,b", None),
            ("Encounter/1/$everything", None),
            ("#enc", None),
            ("urn:uuid:0", None),
        ];
        for (reference, expected) in cases {
            assert_eq!(reference_id(reference, "Encounter"), expected, "{reference}");
        }
    }
}
