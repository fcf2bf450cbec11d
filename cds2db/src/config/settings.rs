//! Everything a run needs to know, read from the configuration and checked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use site_config::Database;

use super::{
    ChainSettings, DebugSettings, Deletions, EmptyWards, EncounterSearch, ImportSettings, ResourceFilter,
    ServerSettings, Wards,
};

/// Everything a run needs to know, read from the configuration and checked.
///
/// [`Settings::default`] has the documented default of every key; only a server is missing. `Debug` shows no secret, no
/// patient and no filter value.
pub struct Settings {
    /// Log level 0 to 9.
    pub verbose: u8,
    /// Directories of old runs to keep.
    pub max_dir_count: usize,
    /// Files of typed rows say behind each date how much of it was given.
    pub date_precision: bool,
    /// The description of the tables; the hub's own where not set.
    pub description: Option<PathBuf>,
    /// The FHIR server.
    pub server: ServerSettings,
    /// The search for the encounters that define the wards.
    pub encounters: EncounterSearch,
    /// Where the patients come from.
    pub wards: Wards,
    /// Whether a run stops before a day without any ward patient empties the case list.
    pub empty_wards: EmptyWards,
    /// Whether stays that began and ended between two runs are listed, once.
    pub stays_between_runs: bool,
    /// Identifier system that the encounter levels of one case share.
    pub common_identifier_system: Option<String>,
    /// Only patients older than so many years; 0 for all.
    pub min_patient_age: u32,
    /// The hub.
    pub database: Database,
    /// Show the first request and stop.
    pub request_test: bool,
    /// What is only for looking for faults.
    pub debug: DebugSettings,
    /// What a backfill loads.
    pub import: ImportSettings,
    /// The steps of the whole chain.
    pub chain: ChainSettings,
    /// What is left out of a resource type, by its name.
    pub filters: BTreeMap<String, ResourceFilter>,
    /// How resources that are gone from the server are found.
    pub deletions: Deletions,
    /// Seconds to wait for server, database and the hub's lock; where not set, half a minute for the first two and without
    /// end for the lock.
    pub wait_seconds: Option<u64>,
    /// Connections that load rows; where not set, as many as the hub's server has cores for many rows, else one.
    pub load_connections: Option<usize>,
    /// Bytes of memory that a run is to keep below.
    pub memory_bytes: usize,
    /// Bytes that are to stay free on the disk of the run's directory.
    pub min_free_bytes: u64,
    /// What counts as now; the clock's time where not set. For rehearsals of other days.
    pub now: Option<Timestamp>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verbose: 4,
            max_dir_count: 5,
            date_precision: false,
            description: None,
            server: ServerSettings::default(),
            encounters: EncounterSearch::default(),
            wards: Wards::None,
            empty_wards: EmptyWards::Stop,
            stays_between_runs: false,
            common_identifier_system: None,
            min_patient_age: 0,
            database: Database::of_module("CDS2DB"),
            request_test: false,
            debug: DebugSettings::default(),
            import: ImportSettings::default(),
            chain: ChainSettings::default(),
            filters: BTreeMap::new(),
            deletions: Deletions::Off,
            wait_seconds: None,
            load_connections: None,
            memory_bytes: 1 << 30,
            min_free_bytes: 256 << 20,
            now: None,
        }
    }
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

    /// How the memory of a run is divided.
    #[must_use]
    pub(crate) fn memory(&self) -> super::memory::Memory {
        super::memory::Memory::of(self.memory_bytes)
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
