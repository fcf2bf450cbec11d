//! Sorts the files of a root into modalities.

use std::collections::{BTreeMap, HashSet};

use super::report::Unread;
use super::walk::SeenFile;
use crate::config::Modality;
use crate::pattern::Parsed;

/// A file of a modality.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) person: Option<String>,
    pub(super) file: SeenFile,
}

/// The files of one modality.
#[derive(Debug, Default)]
pub(super) struct OfModality {
    pub(super) files: Vec<Placed>,
    pub(super) refused: Vec<Unread>,
}

/// Sorts files; what no pattern takes is stray.
pub(super) fn place(
    modalities: &[&Modality],
    files: Vec<SeenFile>,
) -> (BTreeMap<String, OfModality>, Vec<String>) {
    let mut sorted: BTreeMap<String, OfModality> = BTreeMap::new();
    let mut taken: HashSet<String> = HashSet::new();
    let mut stray = Vec::new();
    for modality in modalities {
        sorted.entry(modality.name.clone()).or_default();
    }
    for file in files {
        let mut known = false;
        for modality in modalities {
            let parsed = modality.pattern.parse(&file.path);
            let Some(found) = sorted.get_mut(&modality.name) else {
                continue;
            };
            match parsed {
                Parsed::Other => continue,
                Parsed::Refused => found.refused.push(Unread {
                    path: file.path.clone(),
                    reason: format!(
                        "does not fit {}: a field holds other characters than its kind takes",
                        modality.pattern.text()
                    ),
                }),
                Parsed::Fits { patient, .. } => {
                    let target = modality.central_path(&file.path).unwrap_or_default();
                    if taken.insert(target.clone()) {
                        found.files.push(Placed {
                            person: patient,
                            file: file.clone(),
                        });
                    } else {
                        found.refused.push(Unread {
                            path: file.path.clone(),
                            reason: format!("another file would lie at {target} in the central store"),
                        });
                    }
                }
            }
            known = true;
        }
        if !known {
            stray.push(file.path);
        }
    }
    (sorted, stray)
}
