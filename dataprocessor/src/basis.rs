use jiff::civil::DateTime;

use crate::cases::Cases;
use crate::config::Config;
use crate::output::Output;
use crate::patient_fe::People;
use crate::sources::Sources;
use crate::{Result, fall_fe, patient_fe};

/// What output tables are computed from.
#[derive(Clone)]
pub struct Basis<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The moment the run is for, wall time of the hub's zone.
    pub now: DateTime,
    /// The rows read from the hub.
    pub sources: &'a Sources,
    /// Patients and their record ids.
    pub people: People,
    /// Cases shown and their encounters.
    pub cases: Cases,
}

/// One output table: computes its rows and where they came from.
pub type Table = fn(&Basis<'_>) -> Result<Output>;

/// All output tables written in Rust, in the order they are written. A new one is a file with such a function, its
/// line here, and its rows in the description of the frontend's tables.
pub const TABLES: &[Table] = &[patient_fe::derive, fall_fe::derive];

impl<'a> Basis<'a> {
    /// Applies the profile's rules on who and what is shown.
    ///
    /// # Errors
    /// Where the rules cannot be applied, or the sources have other columns than expected.
    pub fn new(sources: &'a Sources, config: &'a Config, now: DateTime) -> Result<Self> {
        let people = People::of(sources, config)?;
        let cases = Cases::of(sources, config, &people)?;
        Ok(Self {
            config,
            now,
            sources,
            people,
            cases,
        })
    }
}
