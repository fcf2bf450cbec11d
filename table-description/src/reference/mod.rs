//! References as FHIR resources write them, read in one place.
//!
//! A server may write the same reference as `Patient/p1`, `Patient/p1/_history/2` or `https://host/fhir/Patient/p1`.
//! Whoever takes the text behind the last slash for the id reads the second as Patient 2, who is somebody else. Everything
//! that needs a part of a reference asks [`Reference::parse`], or [`literal`] where only a resource will do.
//! Source: <https://hl7.org/fhir/R4/references.html#literal> (R4).
//!
//! All parts are slices of the text read; nothing is allocated.

mod base;
mod id;
mod literal;
mod urn;

pub use base::{BaseFault, Home, OwnBases};
pub use id::{IdRule, is_resource_type};
pub use literal::Literal;
pub use urn::Urn;

/// What a text in `Reference.reference` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reference<'r> {
    /// A resource of a server: `[type]/[id]`, with or without a base and a version.
    Literal(Literal<'r>),
    /// A resource contained in the one that refers to it: the id behind `#`. Empty for `#` alone, which names the container.
    Contained(&'r str),
    /// A `urn:uuid:` or `urn:oid:`, as entries of a Bundle have in `fullUrl`.
    Urn(Urn<'r>),
}

impl<'r> Reference<'r> {
    /// Reads a reference whose ids keep to FHIR's rule. Blanks around it do not count.
    ///
    /// `None` for anything else: a conditional reference (`Patient?identifier=…`), a place within a server that is no
    /// resource (`Patient/p1/$everything`), an id alone, several ids (`Medication/a,b`), free text.
    ///
    /// ```
    /// use table_description::reference::Reference;
    ///
    /// let Some(Reference::Literal(found)) = Reference::parse("https://h/Patient/fhir/Patient/p11/_history/2") else {
    ///     panic!("a literal reference");
    /// };
    /// assert_eq!((found.resource_type(), found.id(), found.version()), ("Patient", "p11", Some("2")));
    /// assert_eq!((found.base(), found.plain()), (Some("https://h/Patient/fhir"), "Patient/p11"));
    /// assert_eq!(Reference::parse("#m1"), Some(Reference::Contained("m1")));
    /// assert_eq!(Reference::parse("Bed 4/Room 3"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &'r str) -> Option<Self> {
        Self::parse_with(text, IdRule::Legal)
    }

    /// The same with another rule for the ids.
    #[must_use]
    pub fn parse_with(text: &'r str, ids: IdRule) -> Option<Self> {
        let text = text.trim();
        if let Some(id) = text.strip_prefix('#') {
            return (id.is_empty() || ids.allows(id)).then_some(Self::Contained(id));
        }
        if let Some(urn) = Urn::parse(text) {
            return Some(Self::Urn(urn));
        }
        Literal::parse(text, ids).map(Self::Literal)
    }
}

/// The resource that a text refers to; `None` where it refers to no resource of a server.
#[must_use]
pub fn literal(text: &str, ids: IdRule) -> Option<Literal<'_>> {
    Literal::parse(text.trim(), ids)
}

/// The id of a resource of this type: from a reference to it in any form, or a legal id alone, as lists of patients have
/// it. `None` for everything else, references to other types among it.
///
/// ```
/// use table_description::reference::{IdRule, listed_id};
///
/// for text in ["p1", "Patient/p1", "Patient/p1/_history/2", "https://h/fhir/Patient/p1"] {
///     assert_eq!(listed_id(text, "Patient", IdRule::Legal), Some("p1"));
/// }
/// for text in ["Encounter/p1", "p1, p2", "p1;x", "", "Patient/"] {
///     assert_eq!(listed_id(text, "Patient", IdRule::Legal), None);
/// }
/// ```
#[must_use]
pub fn listed_id<'r>(text: &'r str, resource_type: &str, ids: IdRule) -> Option<&'r str> {
    let text = text.trim();
    if ids.allows(text) {
        return Some(text);
    }
    Literal::parse(text, ids)?.id_of(resource_type)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn what_is_no_resource_of_a_server() {
        let uuid = "c757873d-ec9a-4326-a141-556f43239520";
        let (as_uuid, as_oid) = (format!("urn:uuid:{uuid}"), "URN:OID:1.2.3.4");
        for (text, expected) in [
            ("#m1", Some(Reference::Contained("m1"))),
            ("#", Some(Reference::Contained(""))),
            ("#a b", None),
            (as_uuid.as_str(), Some(Reference::Urn(Urn::Uuid(uuid)))),
            (as_oid, Some(Reference::Urn(Urn::Oid("1.2.3.4")))),
            ("urn:uuid:0", None),
            ("urn:oid:1..2", None),
            ("urn:isbn:1", None),
        ] {
            assert_eq!(Reference::parse(text), expected, "{text}");
            assert_eq!(literal(text, IdRule::Legal), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(17), ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}") {
            let _ = Reference::parse(&text);
            let _ = Reference::parse_with(&text, IdRule::Odd);
            let _ = listed_id(&text, "Patient", IdRule::Odd);
        }

        #[test]
        fn texts_of_the_parts_that_references_have_are_read_without_a_panic(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "Patient", "p1", "/", "_history", "#", "?", "https://", "h", " ", ",", "urn:uuid:", ":", "é", "\u{200b}",
                ]),
                0..10,
            )
        ) {
            let text = parts.concat();
            if let Some(found) = literal(&text, IdRule::Odd) {
                prop_assert!(text.contains(found.plain()));
                let is_one_id = !found.id().is_empty() && !found.id().contains(['/', ',', '#', '?', ' ', '\u{200b}']);
                prop_assert!(is_one_id);
                prop_assert_eq!(found.plain(), format!("{}/{}", found.resource_type(), found.id()));
            }
        }

        #[test]
        fn every_form_of_a_reference_gives_the_same_resource(
            resource in "[A-Z][A-Za-z]{2,20}",
            id in "[A-Za-z0-9.-]{1,64}",
            version in "[A-Za-z0-9.-]{1,64}",
            base in "https?://[a-z]{1,9}(:[0-9]{2,4})?(/[A-Z][a-z]{1,6}){0,3}",
        ) {
            let plain = format!("{resource}/{id}");
            for text in [
                plain.clone(),
                format!(" {plain}\n"),
                format!("{plain}/_history/{version}"),
                format!("{base}/{plain}"),
                format!("{base}/{plain}/_history/{version}"),
                format!("{base}/{plain}?_format=json"),
            ] {
                let found = literal(&text, IdRule::Legal).expect("a reference");
                prop_assert_eq!(found.plain(), plain.as_str());
                prop_assert_eq!(found.id_of(&resource), Some(id.as_str()));
                prop_assert_eq!(found.version().is_some(), text.contains("_history"));
                prop_assert_eq!(found.base(), text.starts_with("http").then_some(base.as_str()));
            }
        }
    }
}
