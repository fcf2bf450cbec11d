//! References that servers leave out and that consumers need: the parent and the main encounter of an encounter,
//! and the main encounter of every other resource.

mod addition;
mod encounter_graph;
mod encounter_row;
mod timeline;

pub(crate) use addition::Addition;
pub use encounter_graph::EncounterGraph;
pub use encounter_row::{EncounterRow, Level};

/// What a calculated reference says where no encounter fits.
pub const INVALID: &str = "invalid";

/// The id within a reference such as `Encounter/1`, `https://host/fhir/Encounter/1` or `Encounter/1/_history/2`.
///
/// `None` for a reference to something else, a contained resource or a `urn:`.
/// Source: <https://hl7.org/fhir/R4/references.html#literal> (R4).
#[must_use]
pub fn reference_id<'r>(reference: &'r str, resource: &str) -> Option<&'r str> {
    let mut segments = reference.split('/');
    segments.by_ref().find(|segment| *segment == resource)?;
    segments.next().filter(|id| !id.is_empty())
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
            ("#enc", None),
            ("urn:uuid:0", None),
        ];
        for (reference, expected) in cases {
            assert_eq!(reference_id(reference, "Encounter"), expected, "{reference}");
        }
    }
}
