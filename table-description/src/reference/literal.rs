//! A reference to a resource of a server: base, type, id, version, fragment.

use std::fmt;

use super::id::{IdRule, is_resource_type};

/// `[type]/[id]`, `[type]/[id]/_history/[version]`, and both behind `[base]/`.
///
/// Its parts are slices of the text that was read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Literal<'r> {
    base: Option<&'r str>,
    plain: &'r str,
    type_bytes: usize,
    version: Option<&'r str>,
    fragment: Option<&'r str>,
}

impl<'r> Literal<'r> {
    /// The base URL in front of the type, without a slash at its end; `None` in a relative reference.
    #[must_use]
    pub fn base(&self) -> Option<&'r str> {
        self.base
    }

    /// `[type]/[id]`: the reference without base, version and fragment.
    #[must_use]
    pub fn plain(&self) -> &'r str {
        self.plain
    }

    /// The type of the resource.
    #[must_use]
    pub fn resource_type(&self) -> &'r str {
        &self.plain[..self.type_bytes]
    }

    /// The id of the resource.
    #[must_use]
    pub fn id(&self) -> &'r str {
        &self.plain[self.type_bytes + 1..]
    }

    /// The version, if the reference names one. It never tells another resource, only another state of it.
    #[must_use]
    pub fn version(&self) -> Option<&'r str> {
        self.version
    }

    /// The text behind `#`: something contained in the resource, which is not the resource itself.
    #[must_use]
    pub fn fragment(&self) -> Option<&'r str> {
        self.fragment
    }

    /// The id if the reference means a resource of this type; `None` for other types and for what is contained in one.
    #[must_use]
    pub fn id_of(&self, resource_type: &str) -> Option<&'r str> {
        (self.fragment.is_none() && self.resource_type() == resource_type).then(|| self.id())
    }

    /// Reads a text without blanks around it.
    pub(super) fn parse(text: &'r str, ids: IdRule) -> Option<Self> {
        let (address, fragment) = match text.split_once('#') {
            Some((address, fragment)) if fragment.is_empty() || ids.allows(fragment) => {
                (address, Some(fragment).filter(|f| !f.is_empty()))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address = address.split_once('?').map_or(address, |(path, _)| path);
        let address = address.strip_suffix('/').unwrap_or(address);
        let (path, version) = versioned(address, ids)?;
        let (before, id) = path.rsplit_once('/')?;
        let (base, resource_type) = match before.rsplit_once('/') {
            Some((base, resource_type)) => (Some(base), resource_type),
            None => (None, before),
        };
        if !is_resource_type(resource_type) || !ids.allows(id) || !base.is_none_or(is_base) {
            return None;
        }
        Some(Self {
            base,
            plain: &path[path.len() - id.len() - 1 - resource_type.len()..],
            type_bytes: resource_type.len(),
            version,
            fragment,
        })
    }
}

/// What stands before `/_history/[version]`, and the version.
fn versioned(address: &str, ids: IdRule) -> Option<(&str, Option<&str>)> {
    let Some((before, version)) = address.rsplit_once('/') else {
        return Some((address, None));
    };
    match before.strip_suffix("/_history") {
        Some(path) => ids.allows(version).then_some((path, Some(version))),
        None => Some((address, None)),
    }
}

/// Whether a text may stand before the type: a URL of the web with a host, and no blank in it.
fn is_base(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
        && !rest.is_empty()
        && !rest.starts_with('/')
        && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// `[type]/[id]`, the reference as our tables compare it.
impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plain)
    }
}

/// The type only: ids of patients do not belong into logs.
impl fmt::Debug for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Literal")
            .field("resource_type", &self.resource_type())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = (
        Option<&'a str>,
        &'a str,
        &'a str,
        Option<&'a str>,
        Option<&'a str>,
    );

    #[test]
    fn parts_of_every_legal_form() {
        let cases: [(&str, Parts<'_>); 15] = [
            ("Patient/p1", (None, "Patient", "p1", None, None)),
            ("Patient/p1/", (None, "Patient", "p1", None, None)),
            (
                "Condition/301/_history/2",
                (None, "Condition", "301", Some("2"), None),
            ),
            (
                "http://h/Patient/1",
                (Some("http://h"), "Patient", "1", None, None),
            ),
            (
                "https://h:8443/fhir/r4/Encounter/a-b.c",
                (Some("https://h:8443/fhir/r4"), "Encounter", "a-b.c", None, None),
            ),
            (
                "HTTPS://H/fhir/Patient/1/_history/3",
                (Some("HTTPS://H/fhir"), "Patient", "1", Some("3"), None),
            ),
            (
                "https://h/Patient/fhir/Patient/p11",
                (Some("https://h/Patient/fhir"), "Patient", "p11", None, None),
            ),
            (
                "https://h/Patient/Patient/Patient",
                (Some("https://h/Patient"), "Patient", "Patient", None, None),
            ),
            (
                "https://h/fhir//Patient/1",
                (Some("https://h/fhir/"), "Patient", "1", None, None),
            ),
            ("Patient/p1?_format=json", (None, "Patient", "p1", None, None)),
            (
                "http://h/Patient/p1/_history/2?x=/a/b",
                (Some("http://h"), "Patient", "p1", Some("2"), None),
            ),
            (
                "Medication/m1#part",
                (None, "Medication", "m1", None, Some("part")),
            ),
            ("Medication/m1#", (None, "Medication", "m1", None, None)),
            (
                "https://h/_history/Patient/1",
                (Some("https://h/_history"), "Patient", "1", None, None),
            ),
            (
                "VerificationResult/0",
                (None, "VerificationResult", "0", None, None),
            ),
        ];
        for (text, expected) in cases {
            let found = Literal::parse(text, IdRule::Legal).unwrap_or_else(|| panic!("{text}"));
            let parts = (
                found.base(),
                found.resource_type(),
                found.id(),
                found.version(),
                found.fragment(),
            );
            assert_eq!(parts, expected, "{text}");
            assert_eq!(found.plain(), format!("{}/{}", parts.1, parts.2), "{text}");
            let own = parts.4.is_none().then_some(parts.2);
            assert_eq!(found.id_of(parts.1), own, "{text}");
            assert_eq!(found.id_of("Basic"), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_reference() {
        for text in [
            "",
            "/",
            "//",
            "p1",
            "Patient",
            "Patient/",
            "/Patient/p1",
            "patient/p1",
            "fhir/Patient/p1",
            "ftp://h/Patient/p1",
            "http:///Patient/p1",
            "http://Patient/p1",
            "http://h h/Patient/p1",
            "Bed 4/Room 3",
            "Medication/a,b",
            "Medication/a%2Cb",
            "Patient/p 1",
            "Patient/p_1",
            "Patient/\u{200b}p1",
            "Patient?identifier=x|1",
            "http://h/fhir/Patient?identifier=x/1",
            "Patient/p1/_history",
            "Patient/p1/_history/",
            "Patient/p1/_history/a b",
            "Patient/_history/2",
            "_history/2",
            "Patient/p1/$everything",
            "Patient/p1#a/b",
            "Patient/p1#a#b",
            "Observation/o1, Observation/o2",
        ] {
            assert_eq!(Literal::parse(text, IdRule::Legal), None, "{text}");
        }
    }

    #[test]
    fn odd_ids_by_option_only() {
        for (text, id) in [
            ("Patient/p_1", "p_1"),
            ("https://h/fhir/Patient/P:1/_history/_2", "P:1"),
        ] {
            assert_eq!(Literal::parse(text, IdRule::Legal), None, "{text}");
            let found = Literal::parse(text, IdRule::Odd).map(|l| l.id());
            assert_eq!(found, Some(id), "{text}");
        }
        for text in ["Patient/_history/2", "Patient/a,b", "Patient/a b"] {
            assert_eq!(Literal::parse(text, IdRule::Odd), None, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_id() {
        let found = Literal::parse("https://h/fhir/Patient/p1", IdRule::Legal).expect("a reference");
        assert_eq!(
            format!("{found:?}"),
            r#"Literal { resource_type: "Patient", .. }"#
        );
    }
}
