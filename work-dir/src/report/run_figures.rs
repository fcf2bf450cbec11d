use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Error, ErrorKind, Layout};

/// What a report takes from `summary.json`; fields it does not know are passed over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunFigures {
    pub(crate) tables: BTreeMap<String, TableFigures>,
    pub(crate) stages: BTreeMap<String, StageFigures>,
    pub(crate) seconds: f64,
}

/// What happened to the resources of one table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TableFigures {
    pub(crate) downloaded: u64,
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
