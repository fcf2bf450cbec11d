use crate::search::url::encoding::encode_into;

pub(crate) mod answering;
mod exported;
mod job;
mod manifest;
mod ndjson;

pub use exported::{ExportPart, Exported};
pub use job::ExportJob;

/// A bulk data export: which resources, and for whom.
///
/// Source: <https://hl7.org/fhir/uv/bulkdata/export.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    path: String,
    params: Vec<(&'static str, String)>,
}

impl Export {
    /// Everything on the server.
    pub fn system() -> Export {
        Export {
            path: "$export".into(),
            params: Vec::new(),
        }
    }

    /// Everything about all patients.
    pub fn patients() -> Export {
        Export {
            path: "Patient/$export".into(),
            ..Export::system()
        }
    }

    /// Everything about the patients of a group.
    pub fn group(id: &str) -> Export {
        let mut path = String::from("Group/");
        encode_into(&mut path, &id.replace('/', ""));
        path.push_str("/$export");
        Export {
            path,
            ..Export::system()
        }
    }

    /// Only these resource types (`_type`).
    #[must_use]
    pub fn types<T: AsRef<str>>(self, types: impl IntoIterator<Item = T>) -> Export {
        let types: Vec<String> = types.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.with("_type", types.join(","))
    }

    /// Only resources changed since an instant (`_since`, FHIR instant).
    #[must_use]
    pub fn since(self, instant: impl Into<String>) -> Export {
        self.with("_since", instant.into())
    }

    /// Only resources of one type that match a search, such as `Observation?code=1234` (`_typeFilter`); may be given
    /// several times.
    #[must_use]
    pub fn type_filter(self, filter: impl Into<String>) -> Export {
        self.with("_typeFilter", filter.into())
    }

    fn with(mut self, name: &'static str, value: String) -> Export {
        self.params.push((name, value));
        self
    }

    fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in &self.params {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            encode_into(&mut query, value);
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let export = Export::group("g/1")
            .types(["Patient", "Observation"])
            .since("2024-05-01T10:00:00+02:00")
            .type_filter("Observation?code=a|b");
        assert_eq!(export.path, "Group/g1/$export");
        assert_eq!(
            export.query(),
            "_type=Patient,Observation&_since=2024-05-01T10:00:00%2B02:00&_typeFilter=Observation%3Fcode%3Da%7Cb"
        );
    }
}
