//! Every resource of an answer held against the patients or ids that were asked for: a server that ignores a parameter
//! answers with everybody's.

use std::collections::HashSet;
use std::sync::Arc;

use table_description::reference::{Literal, Reference};

use crate::Batch;
use crate::search::ask::query::Search;

/// What a search for a list of ids asked for.
///
/// `Debug` shows how many ids, not which.
#[derive(Clone)]
pub struct Asked {
    resource: String,
    of: Of,
    ids: HashSet<Arc<str>>,
}

/// What the ids are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Those of the resources (`_id`).
    Resources,
    /// Those of the patients that the resources are about (`patient`, `subject`).
    Patients,
}

/// The elements that name the patient a resource is about.
const PATIENT: [&str; 2] = ["subject/reference", "patient/reference"];

impl Search {
    /// What the search asked for, if that is a list of ids of resources or patients.
    pub fn asked(&self) -> Option<Asked> {
        let of = match self.list_param()?.split(':').next()? {
            "_id" => Of::Resources,
            "patient" | "subject" => Of::Patients,
            _ => return None,
        };
        let id = |listed: &Arc<str>| match Reference::parse(listed) {
            Some(Reference::Literal(literal)) => literal.id().into(),
            _ => Arc::clone(listed),
        };
        Some(Asked {
            resource: self.resource().to_owned(),
            of,
            ids: self.listed_ids().iter().map(id).collect(),
        })
    }
}

impl Asked {
    /// Leaves out the rows of resources that were not asked for and says how many they were. Of a search for patients these
    /// are the resources that name another patient, or something else, as whom they are about; one that names nobody, or by
    /// no reference that says an id, is believed to be what the server says it is. Rows of other types, such as included
    /// ones, stay.
    ///
    /// What was asked for and is there goes into `seen`.
    pub fn keep(&self, batch: &mut Batch, seen: &mut HashSet<Arc<str>>) -> u64 {
        let Some(keep) = self.hold_against(batch, seen) else {
            return 0;
        };
        let left_out = keep.iter().filter(|keep| !**keep).count() as u64;
        if left_out > 0 {
            batch.retain(&keep);
        }
        left_out
    }

    /// The same without leaving anything out: `seen` is filled, and no row counts as left out.
    pub fn look(&self, batch: &Batch, seen: &mut HashSet<Arc<str>>) -> u64 {
        self.hold_against(batch, seen);
        0
    }

    /// Which rows were asked for; `None` where nothing is said of them.
    fn hold_against(&self, batch: &Batch, seen: &mut HashSet<Arc<str>>) -> Option<Vec<bool>> {
        let table = Arc::clone(batch.table());
        if table.resource.as_deref() != Some(&*self.resource) {
            return None;
        }
        let paths = match self.of {
            Of::Resources => &["id"][..],
            Of::Patients => &PATIENT,
        };
        let column = paths.iter().find_map(|path| table.position_of_path(path))?;
        let mut keep = vec![true; batch.rows()];
        for (row, entry) in batch.entries(column) {
            match self.find(entry.text) {
                Found::Asked(id) => {
                    if !seen.contains(id) {
                        seen.insert(Arc::clone(id));
                    }
                }
                Found::Unknown => {}
                Found::Other => {
                    if let Some(keep) = keep.get_mut(row as usize) {
                        *keep = false;
                    }
                }
            }
        }
        Some(keep)
    }

    fn find(&self, text: &str) -> Found<'_> {
        let asked = match self.of {
            Of::Resources => self.ids.get(text),
            Of::Patients => match Reference::parse(text) {
                Some(Reference::Literal(literal)) => self.patient(&literal),
                _ => return Found::Unknown,
            },
        };
        asked.map_or(Found::Other, Found::Asked)
    }

    /// A reference below another base counts: the server itself delivered its resource in answer to a search for the patient.
    fn patient(&self, literal: &Literal<'_>) -> Option<&Arc<str>> {
        self.ids.get(literal.id_of("Patient")?)
    }

    /// Whether the ids are those of patients that resources are about.
    pub(crate) fn is_for_patients(&self) -> bool {
        self.of == Of::Patients
    }

    /// The ids that were asked for.
    pub fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.ids.iter()
    }
}

/// Whom a row is about.
enum Found<'a> {
    /// Somebody or something asked for.
    Asked(&'a Arc<str>),
    /// Nobody that a reference names by an id.
    Unknown,
    /// Somebody else.
    Other,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked")
            .field("resource", &self.resource)
            .field("of", &self.of)
            .field("ids", &self.ids.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

    use super::*;

    fn batch(resource: &str, path: &str, page: &str) -> Batch {
        let column = |path: &str| {
            Column::new(
                path.replace('/', "_"),
                Origin::Element(ElementPath::new(path)),
                FhirType::String,
            )
        };
        let table = TableDescription {
            name: "t".into(),
            resource: Some(resource.into()),
            prefix: String::new(),
            columns: vec![column("id"), column(path)],
            melt: MeltMode::default(),
        };
        let description = Description {
            tables: vec![Arc::new(table)],
        };
        crate::crack(page.as_bytes(), &description)
            .expect("page")
            .batches
            .remove(0)
    }

    fn ids(batch: &Batch) -> Vec<String> {
        batch.entries(0).map(|(_, entry)| entry.text.to_owned()).collect()
    }

    #[test]
    fn resources_of_other_patients_are_left_out() {
        let subjects = [
            "Patient/1",
            "Patient/2",
            "Patient/3",
            "Patient/1/_history/3",
            "Patient/3/_history/1",
            "http://old/fhir/Patient/2",
            "http://old/fhir/Patient/9",
            "Group/1",
            "#1",
            "urn:uuid:6b6ed376-a7da-44cb-92d1-e75ce1ae73b0",
            "free text",
        ];
        let lines: Vec<String> = subjects
            .iter()
            .enumerate()
            .map(|(n, subject)| {
                format!(
                    r#"{{"resourceType":"Observation","id":"o{n}","subject":{{"reference":"{subject}"}}}}"#
                )
            })
            .chain([r#"{"resourceType":"Observation","id":"nobody"}"#.to_owned()])
            .collect();
        for search in [
            Search::new("Observation").ids("patient", ["1", "2"]),
            Search::new("Observation").ids("subject:Patient", ["Patient/1", "http://h/fhir/Patient/2"]),
        ] {
            let mut batch = batch("Observation", "subject/reference", &lines.join("\n"));
            let asked = search.asked().expect("a list");
            let mut seen = HashSet::new();
            assert_eq!(asked.keep(&mut batch, &mut seen), 4);
            assert_eq!(seen, HashSet::from(["1".into(), "2".into()]));
            assert_eq!(ids(&batch), ["o0", "o1", "o3", "o5", "o8", "o9", "o10", "nobody"]);
            assert!(!format!("{asked:?}").contains("old"));
        }
    }

    #[test]
    fn resources_of_other_ids_are_left_out() {
        let page = r#"{"resourceType":"Patient","id":"1"}
            {"resourceType":"Patient","id":"2"}"#;
        let mut patients = batch("Patient", "birthDate", page);
        let search = Search::new("Patient").ids("_id", ["2", "3"]);
        assert_eq!(
            search
                .asked()
                .expect("a list")
                .keep(&mut patients, &mut HashSet::new()),
            1
        );
        assert_eq!(ids(&patients), ["2"]);
        // Resources that come along are of another type.
        let mut patients = batch("Patient", "birthDate", page);
        let search = Search::new("Encounter").ids("_id", ["2"]);
        assert_eq!(
            search
                .asked()
                .expect("a list")
                .keep(&mut patients, &mut HashSet::new()),
            0
        );
        assert!(Search::new("Patient").ids("link", ["1"]).asked().is_none());
        assert!(Search::new("Patient").param("_id", "1").asked().is_none());
    }
}
