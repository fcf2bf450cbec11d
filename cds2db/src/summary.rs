//! What a run did: figures a table and a stage, what is missing, and the verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use site_config::shown_json;

use crate::error::chain;
use crate::{Error, ErrorKind, Result};

/// What a run did, as it is printed at its end and written to `summary.json`. Field names are stable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Nothing is missing: the verdict is not [`Verdict::Incomplete`].
    pub complete: bool,
    /// The verdict in one word.
    #[serde(default)]
    pub verdict: Verdict,
    /// What it was about.
    #[serde(default)]
    pub about: About,
    /// Per table, by its lower-case name.
    pub tables: BTreeMap<String, TableSummary>,
    /// Per stage; stages overlap, so their seconds add up to more than the run's.
    pub stages: BTreeMap<String, StageSummary>,
    /// Wall time of the whole run in seconds.
    pub seconds: f64,
    /// Largest resident memory of this process in bytes; 0 where the system does not tell.
    pub peak_rss_bytes: u64,
    /// Patients found on the wards today.
    pub ward_patients: u64,
    /// Patients whose resources were asked for: those of the wards and those with a running case.
    pub patients: u64,
    /// Rows of `patient_fe` and `fall_fe` after the dataprocessor.
    pub outputs: BTreeMap<String, OutputSummary>,
    /// Resources found to be gone from the server and marked so, by type.
    #[serde(default)]
    pub deleted: BTreeMap<String, u64>,
    /// What is missing: searches that ended early, whose watermark stayed, and tables that a test keeps back.
    pub incomplete: Vec<Incomplete>,
    /// What is there and not as it should be, so that the run is complete with remarks.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// What else is worth telling.
    pub notes: Vec<String>,
}

/// What a run was about. Holds no login and no patient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Address of the FHIR server.
    pub server: String,
    /// Names of the wards.
    pub wards: Vec<String>,
    /// Moment up to which everything is loaded, RFC 3339 in UTC.
    pub until: Option<String>,
    /// Number of the run in the hub.
    pub run: Option<i32>,
    /// How many tables and columns the description has.
    pub description: String,
}

/// How complete a run is, the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything was delivered and is stored as it should be.
    Complete,
    /// Everything was delivered; something needs a look, see [`Summary::remarks`].
    CompleteWithRemarks,
    /// Something is missing, see [`Summary::incomplete`]; also what a run says that has not ended.
    #[default]
    Incomplete,
}

impl Verdict {
    /// The verdict as a person reads it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CompleteWithRemarks => "complete with remarks",
            Self::Incomplete => "incomplete",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is missing. Never says whose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incomplete {
    /// Resource type, or table where there is none.
    pub resource: String,
    /// Which part of it, such as `of 50 ids`; empty where it is all of it.
    pub place: String,
    /// Why it is missing.
    pub cause: String,
}

impl Incomplete {
    /// All of a type or table is concerned.
    #[must_use]
    pub fn of(resource: &str, cause: String) -> Self {
        Self {
            resource: resource.to_owned(),
            place: String::new(),
            cause,
        }
    }
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.place.is_empty() {
            write!(f, " {}", self.place)?;
        }
        write!(f, ": {}", self.cause)
    }
}

/// What happened to the resources of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSummary {
    /// Resources of this type that arrived.
    pub downloaded: u64,
    /// Of these, how many the hub did not have yet.
    pub raw_new: u64,
    /// How many it had with the same content.
    pub raw_seen: u64,
    /// How many are not stored as rows, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Typed rows the hub did not have yet.
    pub typed_new: u64,
    /// Typed rows it had with the same content, also those that were not typed again because their raw row was
    /// seen again.
    pub typed_seen: u64,
    /// Values that could not be typed; their cells are empty and the raw row keeps them.
    pub defects: u64,
    /// The same by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defects_by_kind: BTreeMap<String, u64>,
    /// Rows the database refused, kept in quarantine and tried again.
    pub quarantined: u64,
}

/// Time and amount of one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSummary {
    /// Wall time from its first to its last work in seconds.
    pub seconds: f64,
    /// Resources or rows it worked on.
    pub resources: u64,
    /// Bytes it worked on.
    pub bytes: u64,
}

/// One output table of the dataprocessor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSummary {
    /// Rows written.
    pub rows: u64,
    /// Of these, new or changed.
    pub new: u64,
    /// Of these, unchanged.
    pub seen: u64,
}

impl TableSummary {
    /// Whether every resource that arrived is stored or left out for a named reason.
    #[must_use]
    pub fn is_accounted_for(&self) -> bool {
        self.downloaded
            == self.raw_new + self.raw_seen + self.quarantined + self.left_out.values().sum::<u64>()
    }
}

impl Summary {
    /// What is said of a run that ended with an error.
    #[must_use]
    pub fn failed(error: &Error) -> Self {
        let mut summary = Self::default();
        summary.incomplete.push(Incomplete::of("run", chain(error)));
        summary.judge();
        summary
    }

    /// The counters of a table, made on first use.
    pub fn table(&mut self, name: &str) -> &mut TableSummary {
        self.tables.entry(name.to_owned()).or_default()
    }

    /// The summary as JSON in one line.
    #[must_use]
    pub fn json_line(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        shown_json(&text).into_owned()
    }

    /// Says how complete the run is. This is the one place that decides; program, files and report say the same.
    pub fn judge(&mut self) {
        let quarantined = self.tables.values().any(|table| table.quarantined > 0);
        self.verdict = if !self.incomplete.is_empty() {
            Verdict::Incomplete
        } else if quarantined || !self.remarks.is_empty() {
            Verdict::CompleteWithRemarks
        } else {
            Verdict::Complete
        };
        self.complete = self.verdict != Verdict::Incomplete;
    }

    /// Writes `summary.json` into a directory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join("summary.json");
        let failed =
            |e| Error::new(ErrorKind::File, format!("{} cannot be written", path.display())).because(e);
        let text = serde_json::to_string_pretty(self)
            .map_err(std::io::Error::from)
            .map_err(failed)?;
        let partial = directory.join("summary.json.part");
        std::fs::write(&partial, shown_json(&text).into_owned() + "\n")
            .and_then(|()| std::fs::rename(&partial, &path))
            .map_err(failed)
    }
}

/// Largest resident memory of this process so far in bytes; 0 where the system does not tell.
#[must_use]
pub fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_the_documented_ones() {
        let mut summary = Summary::default();
        summary.table("patient").downloaded = 1;
        summary
            .stages
            .insert("download".to_owned(), StageSummary::default());
        let json = serde_json::to_value(&summary).expect("serialises");
        for pointer in [
            "/tables/patient/downloaded",
            "/tables/patient/raw_new",
            "/tables/patient/raw_seen",
            "/tables/patient/typed_new",
            "/tables/patient/typed_seen",
            "/tables/patient/defects",
            "/stages/download/seconds",
            "/peak_rss_bytes",
            "/complete",
        ] {
            assert!(json.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn the_verdict_has_three_words() {
        let mut summary = Summary::default();
        assert!(
            !summary.complete && summary.verdict == Verdict::Incomplete,
            "before it ends"
        );
        summary.judge();
        assert_eq!((summary.complete, summary.verdict), (true, Verdict::Complete));
        summary.table("patient").quarantined = 1;
        summary.judge();
        assert_eq!(
            (summary.complete, summary.verdict),
            (true, Verdict::CompleteWithRemarks)
        );
        summary.incomplete.push(Incomplete {
            resource: "Observation".to_owned(),
            place: "of 7 ids".to_owned(),
            cause: "cut short".to_owned(),
        });
        summary.judge();
        assert_eq!((summary.complete, summary.verdict), (false, Verdict::Incomplete));
        assert_eq!(
            summary.incomplete[0].to_string(),
            "Observation of 7 ids: cut short"
        );
        let json = serde_json::to_value(&summary).expect("serialises");
        assert_eq!(json["verdict"], "incomplete");
        assert_eq!(json["incomplete"][0]["resource"], "Observation");
    }

    #[test]
    fn every_resource_is_accounted_for() {
        let mut table = TableSummary {
            downloaded: 5,
            raw_new: 2,
            raw_seen: 1,
            ..TableSummary::default()
        };
        assert!(!table.is_accounted_for());
        table.left_out.insert("duplicate on another page".to_owned(), 2);
        assert!(table.is_accounted_for());
    }

    #[test]
    fn memory_is_read_where_the_system_tells() {
        if Path::new("/proc/self/status").exists() {
            assert!(peak_rss_bytes() > 1_000_000);
        }
    }
}
