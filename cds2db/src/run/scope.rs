//! Which resources a run asks for.

use crate::summary::Incomplete;

/// Which resources a run asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those of the ward patients and of the patients with a running case, as far as they changed.
    #[default]
    Patients,
    /// Everything the server has of the described types, for a server or a folder without wards.
    Everything,
    /// Everything of these patients, whatever the watermarks say, for a backfill.
    Given(Given),
}

/// What a backfill asks for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Patients by FHIR id.
    pub patients: Vec<String>,
    /// Only these resource types; all where empty.
    pub resources: Vec<String>,
    /// Move the watermarks; off where single types are loaded, so that the daily run still finds its own gap.
    pub move_watermarks: bool,
    /// What makes the list of patients doubtful.
    pub remarks: Vec<String>,
    /// Why patients are missing in it.
    pub incomplete: Vec<Incomplete>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given")
            .field("patients", &self.patients.len())
            .field("resources", &self.resources)
            .field("move_watermarks", &self.move_watermarks)
            .finish()
    }
}
