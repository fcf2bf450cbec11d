//! References by URN, which name an entry of a Bundle that has no URL yet.

/// A reference by URN. Source: <https://hl7.org/fhir/R4/bundle.html#references> (R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Urn<'r> {
    /// Behind `urn:uuid:`.
    Uuid(&'r str),
    /// Behind `urn:oid:`.
    Oid(&'r str),
}

impl<'r> Urn<'r> {
    /// Reads `urn:uuid:…` and `urn:oid:…`; `None` for other URNs and for forms that are no UUID or OID.
    pub(super) fn parse(text: &'r str) -> Option<Self> {
        let behind = |name: &str| {
            text.get(..name.len())
                .filter(|start| start.eq_ignore_ascii_case(name))
                .map(|start| &text[start.len()..])
        };
        if let Some(uuid) = behind("urn:uuid:") {
            return is_uuid(uuid).then_some(Self::Uuid(uuid));
        }
        let oid = behind("urn:oid:")?;
        is_oid(oid).then_some(Self::Oid(oid))
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_oid(text: &str) -> bool {
    text.len() <= 256
        && text
            .split('.')
            .all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
