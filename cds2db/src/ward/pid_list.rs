//! The patients of each ward from a text file.

use std::fmt;

use table_description::reference::OwnBases;

use super::WardPatient;
use super::id_list::{IdFault, ids_in_line, is_invisible, lines, lines_of_list};

/// Patients per ward from a text file, which replaces the filter patterns.
///
/// `#` at the start of a line or behind a blank begins a comment, `ward_name = "X"` (or with single quotes) begins a
/// ward, every other line holds FHIR ids or references of patients, separated by commas.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PidList {
    /// Sorted by ward and patient, each pair once.
    pub patients: Vec<WardPatient>,
}

/// A line that cannot be read; lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PidListFault {
    /// A patient before the first `ward_name`.
    BeforeFirstWard(usize),
    /// `ward_name` without a name in quotes.
    WardName(usize),
    /// A name of a ward with a character that nobody sees: it would be another ward that looks the same.
    Invisible(usize),
    /// Something that is no patient's id, and why.
    PatientId(usize, IdFault),
}

impl fmt::Display for PidListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeFirstWard(line) => {
                write!(f, "line {line}: a patient before the first ward_name = \"…\"")
            }
            Self::WardName(line) => write!(
                f,
                "line {line}: expected ward_name = \"name\" with a non-empty name"
            ),
            Self::Invisible(line) => {
                write!(f, "line {line}: an invisible character in the name of the ward")
            }
            Self::PatientId(line, fault) => write!(f, "line {line}: {}", fault.expected("Patient")),
        }
    }
}

impl PidList {
    /// Reads the file's text; references must be relative, as nothing is known of a server.
    ///
    /// # Errors
    /// All lines that cannot be read, at once.
    pub fn read(text: &str) -> Result<Self, Vec<PidListFault>> {
        Self::read_for(text, &OwnBases::default())
    }

    /// The same for a server with these base URLs, under which references may stand too.
    ///
    /// # Errors
    /// All lines that cannot be read, at once.
    pub fn read_for(text: &str, ours: &OwnBases) -> Result<Self, Vec<PidListFault>> {
        let mut patients = Vec::new();
        let mut faults = Vec::new();
        let mut ward: Option<String> = None;
        for (number, line) in lines(text) {
            if let Some(rest) = line.strip_prefix("ward_name") {
                match ward_name(rest) {
                    Some(name) if name.contains(is_invisible) => faults.push(PidListFault::Invisible(number)),
                    Some(name) => ward = Some(name.to_owned()),
                    None => faults.push(PidListFault::WardName(number)),
                }
                continue;
            }
            let Some((_, line)) = lines_of_list(line).next() else {
                continue;
            };
            match (ids_in_line(line, "Patient", ours), &ward) {
                (Err(fault), _) => faults.push(PidListFault::PatientId(number, fault)),
                (Ok(_), None) => faults.push(PidListFault::BeforeFirstWard(number)),
                (Ok(ids), Some(ward)) => patients.extend(ids.into_iter().map(|id| WardPatient {
                    patient_id: id.to_owned(),
                    encounter_id: String::new(),
                    ward_name: ward.clone(),
                })),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        patients.sort_by(|a, b| (&a.ward_name, &a.patient_id).cmp(&(&b.ward_name, &b.patient_id)));
        patients.dedup();
        Ok(Self { patients })
    }
}

/// The name in quotes behind `ward_name`, up to the quote behind which nothing or a comment stands.
fn ward_name(rest: &str) -> Option<&str> {
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| ['"', '\''].contains(c))?;
    let inner = &value[1..];
    let ends = inner.match_indices(quote).map(|(at, _)| at);
    let is_last = |at: &usize| {
        let behind = inner[at + 1..].trim_start();
        behind.is_empty() || behind.starts_with('#')
    };
    let name = ends.into_iter().find(is_last).map(|at| inner[..at].trim())?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_wards_comments_and_both_notations() {
        let text = "\u{feff}# list\nward_name = \"A 1\" # first\n  Patient/p2\np1\np1\n\nward_name='B'\np1\n";
        let list = PidList::read(text).expect("reads");
        let pairs: Vec<_> = list
            .patients
            .iter()
            .map(|p| (p.ward_name.as_str(), p.patient_id.as_str()))
            .collect();
        assert_eq!(pairs, [("A 1", "p1"), ("A 1", "p2"), ("B", "p1")]);
    }

    #[test]
    fn names_every_bad_line() {
        let faults = PidList::read("p0\nward_name = X\nward_name = \"\"\nward_name = 'A'\nPatient/\na b\n")
            .expect_err("refused");
        use PidListFault::{BeforeFirstWard, PatientId, WardName};
        assert_eq!(
            faults,
            [
                BeforeFirstWard(1),
                WardName(2),
                WardName(3),
                PatientId(5, IdFault::NoId),
                PatientId(6, IdFault::NoId)
            ]
        );
    }

    #[test]
    fn a_line_is_read_right_or_refused_never_as_somebody_else() {
        let text =
            "\u{feff}ward_name = \"Station #3\" # third\rPatient/p1/_history/2\rp2, p3\r\u{200b}p4\u{200b}\r";
        let list = PidList::read(text).expect("reads");
        let ids: Vec<_> = list.patients.iter().map(|p| p.patient_id.as_str()).collect();
        assert_eq!(ids, ["p1", "p2", "p3", "p4"]);
        assert!(list.patients.iter().all(|p| p.ward_name == "Station #3"));
        let faults = PidList::read(
            "ward_name = 'St. John\'s'\nF#2\np1;x\nhttps://old/fhir/Patient/1\nward_name = 'A\u{200b}'\n",
        )
        .expect_err("refused");
        use PidListFault::{Invisible, PatientId};
        assert_eq!(
            faults,
            [
                PatientId(2, IdFault::NoId),
                PatientId(3, IdFault::NoId),
                PatientId(4, IdFault::Elsewhere),
                Invisible(5)
            ]
        );
    }

    #[test]
    fn no_fault_shows_what_stands_in_the_line() {
        let faults = PidList::read(
            "ward_name = 'A'\nMARKER;x\nhttps://MARKER/fhir/Patient/MARKER\nward_name = 'MARKER\u{200b}'\n",
        )
        .expect_err("refused");
        assert_eq!(faults.len(), 3);
        assert!(!faults.iter().any(|f| format!("{f} {f:?}").contains("MARKER")));
    }
}
