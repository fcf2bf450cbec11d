use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Error, ErrorKind, Layout};

/// What a report takes from `summary.json`; fields it does not know are passed over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunFigures {
    pub(crate) complete: Option<bool>,
    pub(crate) verdict: String,
    pub(crate) about: About,
    pub(crate) patients: u64,
    pub(crate) ward_patients: u64,
    pub(crate) incomplete: Vec<Missing>,
    pub(crate) remarks: Vec<String>,
    pub(crate) deleted: BTreeMap<String, u64>,
    pub(crate) tables: BTreeMap<String, TableFigures>,
    pub(crate) stages: BTreeMap<String, StageFigures>,
    pub(crate) seconds: f64,
    pub(crate) peak_rss_bytes: u64,
}

/// What the run was about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct About {
    pub(crate) server: String,
    pub(crate) wards: Vec<String>,
    pub(crate) until: Option<String>,
    pub(crate) run: Option<i32>,
    pub(crate) description: String,
}

/// Something that is missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Missing {
    pub(crate) resource: String,
    pub(crate) place: String,
    pub(crate) cause: String,
}

/// What happened to the resources of one table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TableFigures {
    pub(crate) downloaded: u64,
    pub(crate) typed_new: u64,
    pub(crate) typed_seen: u64,
    pub(crate) quarantined: u64,
    pub(crate) defects: u64,
    pub(crate) defects_by_kind: BTreeMap<String, u64>,
}

/// Time of one stage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StageFigures {
    pub(crate) seconds: f64,
}

impl RunFigures {
    /// Reads the figures of a run; none where it wrote none.
    pub(crate) fn read(layout: &Layout) -> Result<Self, Error> {
        let path = layout.summary();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::caused(ErrorKind::File, &path, e)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::file(&path, e)),
        }
    }
}
