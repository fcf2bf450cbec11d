use super::{Evaluator, Value};
use crate::Misfit;
use crate::compile::{Class, Step};

impl<'a> Evaluator<'a> {
    /// The key of a resource: its id.
    pub(super) fn resource_key(&mut self, value: Value<'a>, id: Step) -> Result<Option<Value<'a>>, Misfit> {
        let Value::Item(item) = value else {
            return Ok(None);
        };
        let id = self.child(item as usize, id);
        Ok(id
            .and_then(|id| self.outline.text(id))
            .map(|id| Value::Text(id, Class::String)))
    }

    /// The key of the resource a Reference leads to, if it may be of the type wanted.
    pub(super) fn reference_key(
        &mut self,
        value: Value<'a>,
        wanted: Option<&str>,
        reference: Step,
        type_step: Step,
    ) -> Result<Option<Value<'a>>, Misfit> {
        let Value::Item(item) = value else {
            return Ok(None);
        };
        let text = |step| {
            self.child(item as usize, step)
                .and_then(|item| self.outline.text(item))
        };
        let Some((type_name, key)) = text(reference).and_then(key) else {
            return Ok(None);
        };
        if let (Some(wanted), Some(said)) = (wanted, type_name.or_else(|| text(type_step)))
            && wanted != said
        {
            return Ok(None);
        }
        Ok(Some(Value::Text(key, Class::String)))
    }
}

/// Type and id of the resource a reference leads to. A reference into the same resource and a search lead to none.
fn key(reference: &str) -> Option<(Option<&str>, &str)> {
    if let Some(id) = reference
        .strip_prefix("urn:uuid:")
        .or_else(|| reference.strip_prefix("urn:oid:"))
    {
        return Some((None, id));
    }
    if memchr::memchr2(b'#', b'?', reference.as_bytes()).is_some() {
        return None;
    }
    let (mut before, mut id) = last_part(reference);
    if before.ends_with("/_history") || before == "_history" {
        (before, id) = last_part(before.strip_suffix("/_history").unwrap_or_default());
    }
    let type_name = last_part(before).1;
    if id.is_empty() {
        return None;
    }
    let known = type_name.starts_with(|c: char| c.is_ascii_uppercase());
    Some((known.then_some(type_name), id))
}

/// What stands before and behind the last slash; everything is behind it where there is none.
fn last_part(text: &str) -> (&str, &str) {
    match memchr::memrchr(b'/', text.as_bytes()) {
        Some(at) => (
            text.get(..at).unwrap_or_default(),
            text.get(at + 1..).unwrap_or_default(),
        ),
        None => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn references_lead_to_a_type_and_an_id() {
        for (reference, expected) in [
            ("Patient/p1", Some((Some("Patient"), "p1"))),
            ("http://server/fhir/Patient/p1", Some((Some("Patient"), "p1"))),
            ("Patient/p1/_history/2", Some((Some("Patient"), "p1"))),
            (
                "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
                Some((None, "0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0")),
            ),
            ("#contained", None),
            ("Patient?identifier=x", None),
            ("Patient/", None),
            ("p1", Some((None, "p1"))),
        ] {
            assert_eq!(key(reference), expected, "{reference}");
        }
    }
}
