//! The database server behind a hub, as somebody needs to know who helps from afar.

use crate::{Error, Hub, Result};

/// Version, clock and settings of the server, and the release that made the hub.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Postgres {
    /// Version of the server, such as `15.14`.
    pub version: String,
    /// Its time in seconds since 1970-01-01 UTC.
    pub clock: f64,
    /// Settings that matter to a hub, in the order of their names.
    pub settings: Vec<Setting>,
    /// The release that made or migrated the hub last; `None` where this is no hub.
    pub hub_release: Option<String>,
}

/// A setting of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value, with its unit.
    pub value: String,
}

/// What is asked for: speed of loads and transfers, safety of what is stored, limits that end long work.
const SETTINGS: [&str; 22] = [
    "autovacuum",
    "checkpoint_timeout",
    "data_checksums",
    "effective_cache_size",
    "fsync",
    "full_page_writes",
    "idle_in_transaction_session_timeout",
    "jit",
    "lock_timeout",
    "maintenance_work_mem",
    "max_connections",
    "max_parallel_workers",
    "max_wal_size",
    "server_encoding",
    "shared_buffers",
    "ssl",
    "statement_timeout",
    "synchronous_commit",
    "tcp_keepalives_idle",
    "TimeZone",
    "wal_level",
    "work_mem",
];

impl Setting {
    /// Why a hub should not have this value; `None` where it may.
    #[must_use]
    pub fn amiss(&self) -> Option<&'static str> {
        match (self.name.as_str(), self.value.as_str()) {
            ("fsync" | "full_page_writes", "off") => Some("a crash of the machine may damage the hub"),
            ("autovacuum", "off") => Some("tables grow and plans grow old"),
            ("statement_timeout", value) if value != "0" && !value.starts_with("0 ") => {
                Some("long statements of a load are ended")
            }
            ("idle_in_transaction_session_timeout", value) if value != "0" && !value.starts_with("0 ") => {
                Some("a load that waits for the FHIR server may be ended")
            }
            ("server_encoding", value) if value != "UTF8" => Some("text of resources may be refused"),
            _ => None,
        }
    }
}

impl Hub {
    /// Asks the server about itself; works on a database that is no hub too.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn postgres(&self) -> Result<Postgres> {
        let failed = |e| Error::sql("asking the server about itself", &e);
        let (version, clock): (String, f64) = sqlx::query_as(
            "SELECT split_part(current_setting('server_version'), ' ', 1), extract(epoch FROM clock_timestamp())::float8",
        )
        .fetch_one(self.pool())
        .await
        .map_err(failed)?;
        let settings: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, concat_ws(' ', setting, unit) FROM pg_settings WHERE name = ANY ($1) ORDER BY lower(name)",
        )
        .bind(SETTINGS.map(str::to_owned).to_vec())
        .fetch_all(self.pool())
        .await
        .map_err(failed)?;
        let newest = "SELECT program FROM core.installation ORDER BY since DESC LIMIT 1";
        let is_hub: bool = sqlx::query_scalar("SELECT to_regclass('core.installation') IS NOT NULL")
            .fetch_one(self.pool())
            .await
            .unwrap_or_default();
        let hub_release = match is_hub {
            true => sqlx::query_scalar(newest)
                .fetch_optional(self.pool())
                .await
                .map_err(failed)?,
            false => None,
        };
        Ok(Postgres {
            version,
            clock,
            settings: settings
                .into_iter()
                .map(|(name, value)| Setting { name, value })
                .collect(),
            hub_release,
        })
    }
}
