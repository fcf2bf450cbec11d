//! The configuration of the dataprocessor, read from the existing `dataprocessor_config.toml`.

mod codes;
mod encounter_filter;
mod keys;
mod template;

use jiff::civil::DateTime;
use std::path::PathBuf;

pub use codes::CodeList;
pub use encounter_filter::{Condition, EncounterFilter};
pub use site_config::{Database, DatabaseTls, Phases, WardPhases, phases, wall_time};
pub use template::{DATABASE_FILE, DATABASE_TEMPLATE, TEMPLATE};

use site_config::{Fault, INPATIENT_CLASSES};
use table_description::reference::OwnBases;

/// Which rule decides whose cases are shown and how a row is put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaseProfile {
    /// Cases running at a moment: started by then, not ended by then. The rule of the first releases.
    #[default]
    Clock,
    /// Cases of the encounters on the ward list, and those shown earlier that have not finished. The rule of
    /// release 1.7.1.
    WardList,
}

impl CaseProfile {
    /// The profile of this name in the configuration: `clock` or `ward-list`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "clock" => Some(Self::Clock),
            "ward-list" => Some(Self::WardList),
            _ => None,
        }
    }
}

/// Regular expressions for the identifier shown with a patient; all that are set must match somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentifierFilter {
    /// For `Patient.identifier.system`.
    pub system: Option<String>,
    /// For `Patient.identifier.type.coding.system`.
    pub type_system: Option<String>,
    /// For `Patient.identifier.type.coding.code`.
    pub type_code: Option<String>,
}

/// All settings of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The rule that decides whose cases are shown.
    pub profile: CaseProfile,
    /// Wall time to use instead of the clock (`DEBUG_ENCOUNTER_DATETIME`).
    pub debug_now: Option<DateTime>,
    /// Phases of the study; only the ward-list profile uses them.
    pub phases: Phases,
    /// Which identifier is shown with a patient.
    pub identifiers: IdentifierFilter,
    /// Exact system of the identifier that is the case number; without it the first identifier is shown.
    pub case_number_system: Option<String>,
    /// Classes of encounters shown by the clock profile; empty means all.
    pub encounter_classes: Vec<String>,
    /// Further conditions on encounters for the clock profile.
    pub encounter_filter: EncounterFilter,
    /// Column that names room and bed: `enc_…` of the encounter, `loc_…` of the location.
    pub room_and_bed_column: Option<String>,
    /// Codes of body weight.
    pub weight: CodeList,
    /// Codes of body height.
    pub height: CodeList,
    /// Codes of the body mass index.
    pub bmi: CodeList,
    /// Bases under which a reference means a resource of the hospital's own server (`FHIR_SERVER_ALIASES`).
    pub own_bases: OwnBases,
    /// Folder with further output tables declared as SQL.
    pub sql_tables: Option<PathBuf>,
    /// How much is logged: 0 nothing, from 5 on each view read and where the time goes. No level shows values of
    /// patients.
    pub verbose: u8,
    /// How to reach the hub; absent where a configuration is made by a program.
    pub database: Option<Database>,
    /// `DEBUG_…` keys in use, which must be off in real operation.
    pub debug_keys: Vec<String>,
    /// Keys of other modules, which this program does not know.
    pub unknown_keys: Vec<Fault>,
    /// Keys that are set and change nothing here, each with the reason.
    pub idle_keys: Vec<Fault>,
}

impl Default for Config {
    /// The clock profile for inpatients ([`INPATIENT_CLASSES`]) with LOINC codes for the measurements, and no phases.
    fn default() -> Self {
        const LOINC: &str = "http://loinc.org";
        Self {
            profile: CaseProfile::Clock,
            debug_now: None,
            phases: Phases::default(),
            identifiers: IdentifierFilter::default(),
            case_number_system: None,
            encounter_classes: INPATIENT_CLASSES.map(str::to_owned).to_vec(),
            encounter_filter: EncounterFilter::default(),
            room_and_bed_column: Some("enc_location_identifier_value".to_owned()),
            weight: CodeList::new(LOINC, "3142-7 29463-7"),
            height: CodeList::new(LOINC, "8302-2"),
            bmi: CodeList::new(LOINC, "39156-5"),
            own_bases: OwnBases::default(),
            sql_tables: None,
            verbose: 1,
            database: None,
            debug_keys: Vec::new(),
            unknown_keys: Vec::new(),
            idle_keys: Vec::new(),
        }
    }
}

impl Config {
    /// The moment a run is for: wall time of the hub's zone, cut to the second.
    #[must_use]
    pub fn now(&self) -> DateTime {
        self.debug_now.unwrap_or_else(wall_time::now)
    }

    /// What `VERBOSE` asks to be logged, in the syntax of `RUST_LOG`, which wins where it is set.
    #[must_use]
    pub fn log_filter(&self) -> &'static str {
        match self.verbose {
            0 => "off",
            1..=4 => "warn",
            _ => "warn,dataprocessor=debug",
        }
    }
}
