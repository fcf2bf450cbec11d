use std::collections::HashMap;

use table_description::reference::{IdRule, listed_id};

use super::hash::{self, Hashes};
use super::measure::texts;
use super::roles::{Roles, Target};
use super::source::Source;
use crate::Error;

/// The ids of patients and encounters that are in a run, as hashes.
#[derive(Clone, Debug, Default)]
pub struct Known(HashMap<Target, Hashes>);

impl Known {
    /// Adds the ids of the rows of a table that references lead to.
    ///
    /// # Errors
    /// When its rows cannot be read.
    pub fn add(&mut self, target: Target, source: &Source, roles: &Roles<'_>) -> Result<(), Error> {
        let Some(id) = roles.id(source.columns().iter().map(|(name, _)| name.as_str())) else {
            return Ok(());
        };
        let ids = self.0.entry(target).or_default();
        for &piece in source.pieces() {
            if let Some(series) = source.read(piece, &[id])?.get(id) {
                let series = texts(series);
                let cells = series.str().into_iter().flat_map(|cells| cells.iter().flatten());
                ids.extend(cells.map(|id| hash::text(id.as_bytes())));
            }
        }
        Ok(())
    }

    /// Adds ids that are known elsewhere: to the hub, or to the standing files. Ids of a table that the run does not have
    /// make it a table that can be compared.
    pub fn add_ids<'i>(&mut self, target: Target, ids: impl IntoIterator<Item = &'i str>) {
        let known = self.0.entry(target).or_default();
        known.extend(ids.into_iter().map(|id| hash::text(id.as_bytes())));
    }

    /// Whether an id is known; of a table nobody knows, all are.
    pub(crate) fn has(&self, target: Target, id: &str) -> bool {
        self.ids(target)
            .is_none_or(|ids| ids.contains(&hash::text(id.as_bytes())))
    }

    pub(crate) fn ids(&self, target: Target) -> Option<&Hashes> {
        self.0.get(&target)
    }
}

/// The id that a reference means, whether it is relative, absolute, versioned or an id alone.
pub(crate) fn id_of<'r>(reference: &'r str, resource: &str) -> &'r str {
    listed_id(reference, resource, IdRule::Odd).unwrap_or(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_reduced_to_their_id() {
        for reference in [
            "p1",
            "Patient/p1",
            "https://server/fhir/Patient/p1",
            "Patient/p1/_history/3",
        ] {
            assert_eq!(id_of(reference, "Patient"), "p1", "{reference}");
        }
        assert_eq!(id_of("Patient", "Patient"), "Patient");
    }
}
