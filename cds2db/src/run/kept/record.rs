//! What a run set out to load, on the disk.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use work_dir::Layout;

use super::started_with::StartedWith;
use crate::ward::WardPatient;
use crate::{Error, ErrorKind, Result, Summary};

/// What a run set out to load, kept so that a run that was killed goes on with the same patients.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Moment up to which everything is loaded when the run is done: microseconds since 1970-01-01T00:00:00Z. It lies
    /// before the first search.
    pub(crate) loaded_until: i64,
    /// Patient, encounter and ward; `None` where the run is not about wards.
    wards: Option<Vec<[String; 3]>>,
    pub(crate) patients: Vec<String>,
    /// Number of the raw rows' run in the hub, set before it is committed.
    pub(crate) import: Option<i32>,
    /// Figures up to that.
    pub(crate) summary: Summary,
    /// Figures when it was decided what to load.
    #[serde(default)]
    pub(crate) began_with: Summary,
    /// Digests of the configuration that matters.
    #[serde(default)]
    pub(crate) started_with: StartedWith,
    /// What the run is about, where that counts.
    #[serde(default)]
    pub(crate) purpose: String,
    /// Tables that are loaded again in full.
    #[serde(default)]
    pub(crate) again: BTreeSet<String>,
    /// Those of them of which it is not certain that what the run had of them is forgotten.
    #[serde(default)]
    pub(crate) forgetting: BTreeSet<String>,
    /// Tables that the run began: each has a line in the state file unless somebody removed it.
    #[serde(default)]
    pub(crate) tables: BTreeSet<String>,
}

impl Record {
    pub(crate) fn new(
        loaded_until: i64,
        wards: Option<&[WardPatient]>,
        patients: &[String],
        summary: &Summary,
    ) -> Self {
        let line = |w: &WardPatient| [w.patient_id.clone(), w.encounter_id.clone(), w.ward_name.clone()];
        Self {
            loaded_until,
            wards: wards.map(|wards| wards.iter().map(line).collect()),
            patients: patients.to_vec(),
            import: None,
            summary: summary.clone(),
            began_with: summary.clone(),
            started_with: StartedWith::new(),
            purpose: String::new(),
            again: BTreeSet::new(),
            forgetting: BTreeSet::new(),
            tables: BTreeSet::new(),
        }
    }

    pub(crate) fn wards(&self) -> Option<Vec<WardPatient>> {
        let wards = self.wards.as_ref()?.iter();
        let patient = |[patient_id, encounter_id, ward_name]: &[String; 3]| WardPatient {
            patient_id: patient_id.clone(),
            encounter_id: encounter_id.clone(),
            ward_name: ward_name.clone(),
        };
        Some(wards.map(patient).collect())
    }

    /// Reads the record of a directory; `None` where no run has begun there.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>> {
        let path = layout.run();
        match std::fs::read(&path) {
            // The fault's text would repeat what stands there.
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| {
                let text = format!(
                    "{} is damaged; remove {} to begin a new run",
                    path.display(),
                    layout.root().display()
                );
                Error::new(ErrorKind::File, text)
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => {
                Err(Error::new(ErrorKind::File, format!("{} cannot be read", path.display())).because(e))
            }
        }
    }

    pub(crate) fn write(&self, layout: &Layout) -> Result<()> {
        let path = layout.run();
        let failed = |e: std::io::Error| {
            Error::new(ErrorKind::File, format!("{} cannot be written", path.display())).because(e)
        };
        let bytes = serde_json::to_vec(self).map_err(|e| failed(e.into()))?;
        work_dir::replace(&path, &bytes).map_err(failed)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("patients", &self.patients.len())
            .field("import", &self.import)
            .field("again", &self.again)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_a_damaged_one_says_what_to_do() {
        let directory = tempfile::tempdir().expect("directory");
        let layout = Layout::new(directory.path());
        assert!(Record::read(&layout).expect("reads").is_none());
        let ward = WardPatient {
            patient_id: "p".to_owned(),
            encounter_id: "e".to_owned(),
            ward_name: "w".to_owned(),
        };
        let record = Record::new(
            7,
            Some(std::slice::from_ref(&ward)),
            &["p".to_owned()],
            &Summary::default(),
        );
        record.write(&layout).expect("writes");
        let read = Record::read(&layout).expect("reads").expect("is there");
        assert!(read.wards() == Some(vec![ward]) && read.patients == ["p"] && read.loaded_until == 7);
        std::fs::write(layout.run(), "{\"patients\":[\"MARKER\"").expect("writes");
        let error = Record::read(&layout).expect_err("damaged");
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("to begin a new run") && !text.contains("MARKER"),
            "{text}"
        );
    }
}
