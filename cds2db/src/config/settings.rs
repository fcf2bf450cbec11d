use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::ward::{WardDefinition, WardPatient};

/// Everything a run needs to know, read from the configuration and checked.
///
/// `Debug` shows no secret, no patient and no filter value.
#[derive(Default)]
pub struct Settings {
    /// Log level 0 to 9.
    pub verbose: u8,
    /// Directories of old runs to keep.
    pub max_dir_count: usize,
    /// The FHIR server.
    pub server: ServerSettings,
    /// The search for the encounters that define the wards.
    pub encounters: EncounterSearch,
    /// Where the patients come from.
    pub wards: Wards,
    /// Identifier system that the encounter levels of one case share.
    pub common_identifier_system: Option<String>,
    /// Only patients older than so many years; 0 for all.
    pub min_patient_age: u32,
    /// The hub.
    pub database: DatabaseSettings,
    /// Show the first request and stop.
    pub request_test: bool,
    /// What is only for looking for faults.
    pub debug: DebugSettings,
    /// What a backfill loads.
    pub import: ImportSettings,
    /// What is left out of a resource type, by its name.
    pub filters: BTreeMap<String, ResourceFilter>,
    /// How resources that are gone from the server are found.
    pub deletions: Deletions,
    /// What counts as now; the clock's time where not set. For rehearsals of other days.
    pub now: Option<Timestamp>,
}

/// Which resources of a type are asked for; all where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// Only those whose clinical date lies in the last so many days.
    pub window_days: Option<u32>,
    /// Only these categories, as `code` or `system|code`.
    pub categories: Vec<String>,
    /// Only these codes, as `code` or `system|code`.
    pub codes: Vec<String>,
}

/// How resources that are gone from the server are found. They are marked in the hub and never removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletions {
    /// Not at all.
    #[default]
    Off,
    /// The ids that the hub has of the patients asked for are searched; those missing are read one by one, and 404 and
    /// 410 say that they are gone.
    Ids,
    /// The `DELETE` entries of the types' histories since the last run; the first time as [`Deletions::Ids`].
    History,
    /// The `deleted` files of a bulk export since the last run; the first time as [`Deletions::Ids`].
    Export,
}

/// How the FHIR server is reached and how much is asked of it at once.
#[derive(Default)]
pub struct ServerSettings {
    /// Base URL.
    pub endpoint: String,
    /// User and password of basic authentication.
    pub basic: Option<(String, String)>,
    /// Bearer token.
    pub token: Option<String>,
    /// File with the bearer token.
    pub token_file: Option<PathBuf>,
    /// Where a token is fetched: URL, user, password.
    pub token_refresh: Option<(String, String, String)>,
    /// Seconds one request may take.
    pub timeout_seconds: u64,
    /// Ask for XML instead of JSON.
    pub xml: bool,
    /// `subject=` instead of `patient=`.
    pub by_subject: bool,
    /// Longest URL of a GET request in characters, less the reserve.
    pub max_url_length: usize,
    /// Resources a page.
    pub count: Option<u32>,
    /// Sort order for GET requests.
    pub sort: Option<String>,
    /// Ids in one request.
    pub ids_at_once: usize,
    /// Requests at a time; 0 for as many as cores.
    pub max_cores: usize,
}

/// The first request.
#[derive(Default)]
pub struct EncounterSearch {
    /// `status`, separated by commas; empty for any.
    pub status: String,
    /// `class` codes; empty for any.
    pub classes: Vec<String>,
    /// `location` ids.
    pub location_ids: Vec<String>,
    /// Further parameters as (name, value).
    pub additional: Vec<(String, String)>,
    /// Most pages; `None` for all.
    pub max_pages: Option<usize>,
}

/// Where the ward patients come from.
#[derive(Default)]
pub enum Wards {
    /// No patient at all, until configured.
    #[default]
    None,
    /// Filter patterns.
    Patterns(Vec<WardDefinition>),
    /// A text file, which switches the patterns off.
    List(Vec<WardPatient>),
}

/// How the hub is reached.
#[derive(Default)]
pub struct DatabaseSettings {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database name.
    pub name: String,
    /// User of this program.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// Settings that must be off in real operation.
#[derive(Default)]
pub struct DebugSettings {
    /// Names of all `DEBUG_` keys in use, for the warning at the end of a run.
    pub active: Vec<String>,
    /// Encounters that started after this moment.
    pub starts_after: Option<String>,
    /// And at or before this one.
    pub starts_at_or_before: Option<String>,
    /// Only encounters of these patients.
    pub accepted_pids: Vec<String>,
    /// Parameters added per upper-case resource name or `GENERAL`; an empty text skips the resource. Their watermarks are
    /// kept apart from those of the whole resource.
    pub add_search: BTreeMap<String, String>,
    /// No `_lastUpdated`.
    pub ignore_last_update: bool,
    /// Resources that stay raw.
    pub skip_melting: Vec<String>,
    /// Only patients whose id matches.
    pub pids_pattern: Option<fancy_regex::Regex>,
}

/// What a backfill loads; exactly one of these is set.
#[derive(Default)]
pub struct ImportSettings {
    /// Start of the range, `YYYY-MM-DD[ HH:MM[:SS]]`.
    pub range_start: Option<String>,
    /// Its end.
    pub range_end: Option<String>,
    /// Patients by FHIR id.
    pub patients: Vec<String>,
    /// Encounters by FHIR id.
    pub encounters: Vec<String>,
    /// Identifiers of encounters.
    pub identifiers: Vec<String>,
}

impl Settings {
    /// Worker threads for cracking and typing.
    pub(crate) fn workers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        match self.server.max_cores {
            0 => cores,
            most => most.min(cores),
        }
    }

    /// What counts as now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }

    /// The same as wall time of a zone, `YYYY-MM-DDTHH:MM:SS`, as searches and the hub's columns have it.
    #[must_use]
    pub fn wall_time(&self, zone: &TimeZone) -> String {
        let now: Zoned = self.now().to_zoned(zone.clone());
        now.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("verbose", &self.verbose)
            .field("debug", &self.debug.active)
            .finish_non_exhaustive()
    }
}
