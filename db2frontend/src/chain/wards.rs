//! Whether both configurations speak of the same wards: groups in the frontend are named after them.

use std::collections::BTreeSet;
use std::path::Path;

use site_config::{FlatToml, Phases, Place, Reader, resolve};

use crate::{Error, ErrorKind, Result};

const PATTERN: &str = "ENCOUNTER_FILTER_PATTERN";

/// How the ward names of the two configurations compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// The same names.
    Same,
    /// One of them names no wards; why.
    NothingToCompare(String),
    /// Different names; which.
    Different(String),
}

/// Compares the wards of cds2db's patterns with those that have study phases.
///
/// # Errors
/// When a file cannot be read.
pub fn check_wards(cds2db: &Path, dataprocessor: &Path) -> Result<Agreement> {
    let retrieved = patterns(&read(cds2db, "DEBUG_PATH_TO_CONFIG_TOML")?);
    let toml = read(dataprocessor, "DEBUG_PATH_TO_CONFIG_TOML")?;
    let mut reader = Reader::new(&toml, Place::new(dataprocessor, 0));
    let phases: BTreeSet<String> = Phases::read(&mut reader)
        .wards()
        .iter()
        .map(|ward| ward.ward.clone())
        .collect();
    if phases.is_empty() {
        return Ok(Agreement::NothingToCompare(
            "the dataprocessor's configuration names no wards, so ward names were not compared".to_owned(),
        ));
    }
    if retrieved.is_empty() {
        return Ok(Agreement::NothingToCompare(
            "cds2db's configuration has no ward patterns, so ward names were not compared".to_owned(),
        ));
    }
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other).cloned().collect::<Vec<_>>().join(", ")
    };
    let (here, there) = (only(&retrieved, &phases), only(&phases, &retrieved));
    if here.is_empty() && there.is_empty() {
        return Ok(Agreement::Same);
    }
    let mut text = String::from("ward names differ:");
    for (names, place) in [(here, PATTERN), (there, "PHASES_WARD")] {
        if !names.is_empty() {
            text.push_str(&format!(" only in {place}: {names};"));
        }
    }
    Ok(Agreement::Different(text.trim_end_matches(';').to_owned()))
}

fn read(file: &Path, second: &str) -> Result<FlatToml> {
    let wrong = |fault| Error::of_faults(ErrorKind::Configuration, vec![fault]);
    let mut toml = FlatToml::read(file).map_err(wrong)?;
    if let Some(more) = toml.text(second).filter(|text| !text.is_empty()) {
        let more = FlatToml::read(&resolve(more, file)).map_err(wrong)?;
        toml.merge(more);
    }
    Ok(toml)
}

/// Names in lines such as `ward_name = 'Station 1'`.
fn patterns(toml: &FlatToml) -> BTreeSet<String> {
    let lines = toml
        .family(PATTERN)
        .into_iter()
        .flat_map(|(_, entry)| entry.strings().unwrap_or_default());
    lines
        .filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "ward_name").then(|| value.trim().trim_matches(['\'', '"']).trim().to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(cds2db: &str, dataprocessor: &str) -> Agreement {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
        std::fs::write(&one, cds2db).unwrap();
        std::fs::write(&other, dataprocessor).unwrap();
        check_wards(&one, &other).unwrap()
    }

    #[test]
    fn ward_names_are_compared_as_sets() {
        let phases = "PHASES_WARD_1 = [\"ward_name = 'S 1'\", \"phase_a_start = '2025-01-11'\"]\n\
            PHASES_WARD_2 = [\"ward_name = 'S 2'\", \"phase_a_start = '2025-01-11'\"]";
        let patterns = "ENCOUNTER_FILTER_PATTERN_1 = [\"ward_name = 'S 2'\", \"status = 'x'\"]\n\
            ENCOUNTER_FILTER_PATTERN_2 = [\"ward_name='S 1'\"]";
        assert_eq!(compared(patterns, phases), Agreement::Same);
        let Agreement::Different(text) = compared(&patterns.replace("S 1", "S 3"), phases) else {
            panic!("they differ");
        };
        assert_eq!(
            text,
            "ward names differ: only in ENCOUNTER_FILTER_PATTERN: S 3; only in PHASES_WARD: S 1"
        );
        assert!(matches!(compared(patterns, ""), Agreement::NothingToCompare(_)));
    }
}
