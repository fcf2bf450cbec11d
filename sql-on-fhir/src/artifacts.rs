//! ViewDefinitions and Libraries at hand, to be found by canonical, reference or name.

use serde_json::Value;

use crate::shipped;

/// Resources that views and queries name each other by.
#[derive(Clone, Debug, Default)]
pub struct Artifacts {
    resources: Vec<Value>,
}

impl Artifacts {
    /// The shipped views.
    #[must_use]
    pub fn shipped() -> Self {
        let views = shipped::all().filter_map(|(_, text)| serde_json::from_str(text).ok());
        Self {
            resources: views.collect(),
        }
    }

    /// Takes ViewDefinitions and Libraries, also those of a Bundle; other resources are left out. What comes later is found
    /// before what came earlier. Returns how many were taken.
    pub fn add(&mut self, resource: Value) -> usize {
        match kind(&resource) {
            "Bundle" => {
                let entries = resource.get("entry").and_then(Value::as_array);
                let inside = entries
                    .into_iter()
                    .flatten()
                    .filter_map(|entry| entry.get("resource"));
                let plain = inside.filter(|inside| kind(inside) != "Bundle").cloned();
                plain.map(|inside| self.add(inside)).sum()
            }
            "ViewDefinition" | "Library" => {
                self.resources.push(resource);
                1
            }
            // A view may leave its type out.
            "" if resource.get("select").is_some() => {
                self.resources.push(resource);
                1
            }
            _ => 0,
        }
    }

    /// All, in the order they were taken.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.resources.iter()
    }

    /// The resource of a canonical, `url` or `url|version`; where no `url` is the same, the one whose id or name is the last
    /// part of it.
    #[must_use]
    pub fn canonical(&self, canonical: &str) -> Option<&Value> {
        let (url, version) = match canonical.split_once('|') {
            Some((url, version)) => (url, Some(version)),
            None => (canonical, None),
        };
        let is = |resource: &Value, member: &str, text: &str| member_of(resource, member) == Some(text);
        let right_version =
            |resource: &&Value| version.is_none_or(|version| is(resource, "version", version));
        let mut newest_first = self.resources.iter().rev().filter(right_version);
        if let Some(found) = newest_first.clone().find(|resource| is(resource, "url", url)) {
            return Some(found);
        }
        let (before, last) = url.rsplit_once('/')?;
        let wanted = before.rsplit('/').next().unwrap_or_default();
        newest_first.find(|resource| {
            member_of(resource, "url").is_none()
                && kind_of(resource) == wanted
                && (is(resource, "id", last) || is(resource, "name", last))
        })
    }

    /// The resource of a relative reference, `ViewDefinition/id` or `Library/id`.
    #[must_use]
    pub fn reference(&self, reference: &str) -> Option<&Value> {
        let (wanted, id) = reference.rsplit_once('/')?;
        let mut newest_first = self.resources.iter().rev();
        newest_first.find(|resource| {
            let named = ["id", "name"]
                .iter()
                .any(|member| member_of(resource, member) == Some(id));
            kind_of(resource) == wanted && named
        })
    }
}

fn member_of<'v>(resource: &'v Value, member: &str) -> Option<&'v str> {
    resource.get(member).and_then(Value::as_str)
}

fn kind(resource: &Value) -> &str {
    let kind = member_of(resource, "resourceType").unwrap_or_default();
    // SQL on FHIR 2.0 writes the type of a view as a canonical.
    kind.rsplit('/').next().unwrap_or_default()
}

/// `ViewDefinition` or `Library`.
pub(crate) fn kind_of(resource: &Value) -> &str {
    match kind(resource) {
        "" => "ViewDefinition",
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn artifacts_are_found_by_canonical_reference_and_name() {
        let mut artifacts = Artifacts::default();
        let bundle = json!({"resourceType": "Bundle", "entry": [
            {"resource": {"resourceType": "ViewDefinition", "id": "a", "url": "http://x/ViewDefinition/v", "version": "1"}},
            {"resource": {"resourceType": "ViewDefinition", "id": "b", "url": "http://x/ViewDefinition/v", "version": "2"}},
            {"resource": {"resourceType": "Patient", "id": "p"}},
        ]});
        assert_eq!(artifacts.add(bundle), 2);
        assert_eq!(artifacts.add(json!({"name": "named", "select": []})), 1);
        let id = |found: Option<&Value>| found.and_then(|found| member_of(found, "id")).map(str::to_owned);
        assert_eq!(
            id(artifacts.canonical("http://x/ViewDefinition/v")).as_deref(),
            Some("b")
        );
        assert_eq!(
            id(artifacts.canonical("http://x/ViewDefinition/v|1")).as_deref(),
            Some("a")
        );
        assert_eq!(artifacts.canonical("http://x/ViewDefinition/v|3"), None);
        assert!(
            artifacts
                .canonical("https://example.org/ViewDefinition/named")
                .is_some()
        );
        assert!(artifacts.canonical("https://example.org/Library/named").is_none());
        assert_eq!(id(artifacts.reference("ViewDefinition/a")).as_deref(), Some("a"));
        assert_eq!(artifacts.reference("Library/a"), None);
    }
}
