//! Where the patients come from.

use std::path::{Path, PathBuf};

use site_config::Phases;
use site_config::{FlatToml, Place, Reader, resolve};
use table_description::reference::OwnBases;

use super::import::text_of;
use crate::ward::{PidList, WardDefinition, WardPatient};

/// What the keys of wards begin with.
const PATTERN: &str = "ENCOUNTER_FILTER_PATTERN";
const LIST: &str = "PATH_TO_PID_LIST_FILE";
/// The file that says when the study's phases begin.
const PHASES_FILE: &str = "PATH_TO_DATAPROCESSOR_CONFIG_TOML";
/// Its name where the key does not name it, beside this configuration or in the folder of its module.
const PHASES_BESIDE: [&str; 2] = [
    "dataprocessor_config.toml",
    "../R-dataprocessor/dataprocessor_config.toml",
];

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

impl Wards {
    pub(super) fn read(
        r: &mut Reader<'_>,
        toml: &FlatToml,
        file: &Path,
        ours: &OwnBases,
        notes: &mut Vec<String>,
    ) -> Self {
        let mut definitions = Vec::new();
        for (key, entry) in r.family(PATTERN) {
            match entry.strings() {
                Some(lines) => {
                    definitions.push((key.to_owned(), lines.into_iter().map(str::to_owned).collect()));
                }
                None => r.fault(key, "must be a list of texts"),
            }
        }
        let phases = phases(r, toml, file, notes);
        if r.filled(LIST).is_some() {
            if !definitions.is_empty() {
                notes.push(format!("{LIST} is set: the {PATTERN} keys are switched off"));
            }
            return list(r, file, ours);
        }
        r.require(PATTERN, "one for each ward");
        match WardDefinition::read_all(&definitions) {
            Ok(mut wards) => {
                let everything = wards.iter().filter(|w| w.matches_everything());
                notes.extend(
                    everything
                        .map(|w| format!("{}: a ward without a condition takes every encounter", w.key)),
                );
                begin(&mut wards, &phases, notes);
                Self::Patterns(wards)
            }
            Err(faults) => {
                for fault in faults {
                    r.fault(&fault.key, fault.in_words());
                }
                Self::None
            }
        }
    }
}

fn list(r: &mut Reader<'_>, file: &Path, ours: &OwnBases) -> Wards {
    let Some(text) = text_of(r, LIST, file) else {
        return Wards::None;
    };
    match PidList::read_for(&text, ours) {
        Ok(list) => Wards::List(list.patients),
        Err(faults) => {
            faults.iter().for_each(|f| r.fault(LIST, f.to_string()));
            Wards::None
        }
    }
}

/// When the phases begin: from this configuration, else from that of the dataprocessor.
fn phases(r: &mut Reader<'_>, toml: &FlatToml, file: &Path, notes: &mut Vec<String>) -> Phases {
    let own = Phases::read(r);
    if !own.wards().is_empty() {
        return own;
    }
    let path = match toml.text(PHASES_FILE) {
        Some(path) if path.trim().is_empty() => None,
        Some(path) => Some(resolve(path, file)),
        None => beside(file),
    };
    r.text(PHASES_FILE);
    let Some(path) = path else {
        return own;
    };
    let other = match FlatToml::read(&path) {
        Ok(other) => other,
        Err(fault) => {
            r.extend([fault]);
            return own;
        }
    };
    let mut reader = Reader::new(&other, Place::new(&path, 0));
    let phases = Phases::read(&mut reader);
    // Keys of the other program are its own business.
    let faults = reader.finish().faults;
    r.extend(faults.into_iter().filter(|f| f.key().is_some_and(Phases::is_key)));
    if phases.wards().iter().any(|w| w.a_start.is_some()) {
        notes.push(format!(
            "encounters that started before phase_a_start of their ward are not listed: PHASES_WARD… in {}; {PHASES_FILE} = \"\" lists them",
            path.display()
        ));
    }
    phases
}

fn beside(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    PHASES_BESIDE
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

/// Gives each ward the beginning of its phase A, and says which wards have none.
fn begin(wards: &mut [WardDefinition], phases: &Phases, notes: &mut Vec<String>) {
    if phases.wards().is_empty() {
        return;
    }
    for ward in wards.iter_mut() {
        match phases.wards().iter().find(|p| p.ward == ward.ward_name) {
            Some(phase) => ward.begins = phase.a_start,
            None => notes.push(format!("{}: no PHASES_WARD… key names this ward", ward.key)),
        }
    }
    let unknown = phases
        .wards()
        .iter()
        .filter(|p| !wards.iter().any(|w| w.ward_name == p.ward))
        .count();
    if unknown > 0 {
        notes.push(format!("{unknown} wards of PHASES_WARD… have no {PATTERN} key"));
    }
}
