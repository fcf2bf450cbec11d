//! Resources that are asked for because others refer to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fhir_crack::Batch;
use table_description::{Column, Description};

use crate::references::reference_id;

/// Ids of referenced resources that the description wants downloaded (such as Medication and Location), and which of
/// them have been asked for, so that chains of references end.
#[derive(Default)]
pub(crate) struct References {
    /// By resource type.
    open: BTreeMap<String, BTreeSet<String>>,
    asked: BTreeMap<String, BTreeSet<String>>,
}

impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: BTreeMap<_, _> = self
            .open
            .iter()
            .map(|(resource, ids)| (resource, ids.len()))
            .collect();
        f.debug_struct("References")
            .field("open", &counts)
            .finish_non_exhaustive()
    }
}

impl References {
    /// Keeps the ids that the rows refer to; contained resources and `urn:` are not on the server.
    pub(crate) fn collect(&mut self, batch: &Batch) {
        for (column, description) in batch.table().columns.iter().enumerate() {
            if description.reference_targets.is_empty() {
                continue;
            }
            for (_, entry) in batch.entries(column) {
                self.add_reference(entry.text, description);
            }
        }
    }

    /// Keeps the id of a reference that stands in this column.
    pub(crate) fn add_reference(&mut self, reference: &str, column: &Column) {
        for resource in &column.reference_targets {
            if let Some(id) = reference_id(reference, resource) {
                self.add(resource, id);
            }
        }
    }

    /// Keeps an id, unless it was asked for before.
    pub(crate) fn add(&mut self, resource: &str, id: &str) {
        if self.asked.get(resource).is_some_and(|ids| ids.contains(id)) {
            return;
        }
        let open = self.open.entry(resource.to_owned()).or_default();
        if !open.contains(id) {
            open.insert(id.to_owned());
        }
    }

    /// The ids nobody has asked for yet, by resource type; from now on they count as asked for.
    pub(crate) fn take(&mut self) -> BTreeMap<String, BTreeSet<String>> {
        let open = std::mem::take(&mut self.open);
        for (resource, ids) in &open {
            self.asked
                .entry(resource.clone())
                .or_default()
                .extend(ids.iter().cloned());
        }
        open
    }
}

/// The resource types that are downloaded because others refer to them.
pub(crate) fn targets(description: &Description) -> BTreeSet<String> {
    let columns = description.tables.iter().flat_map(|t| &t.columns);
    columns
        .flat_map(|c| c.reference_targets.iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_asked_for_once_so_cycles_end() {
        let mut references = References::default();
        references.add("Medication", "a");
        references.add("Medication", "a");
        assert_eq!(references.take()["Medication"].len(), 1);
        references.add("Medication", "a");
        assert!(references.take().is_empty());
    }
}
