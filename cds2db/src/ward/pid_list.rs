use std::fmt;

use super::WardPatient;

/// Patients per ward from a text file, which replaces the filter patterns.
///
/// `#` begins a comment, `ward_name = "X"` (or with single quotes) begins a ward, every other line is a patient's
/// FHIR id or reference.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PidList {
    /// Sorted by ward and patient, each pair once.
    pub patients: Vec<WardPatient>,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PidListFault {
    /// A patient before the first `ward_name`; the line is counted from 1.
    BeforeFirstWard(usize),
    /// `ward_name` without a name in quotes; the line is counted from 1.
    WardName(usize),
    /// A blank or a quote within a patient's id; the line is counted from 1.
    PatientId(usize),
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
            Self::PatientId(line) => write!(f, "line {line}: expected one FHIR id or Patient/id"),
        }
    }
}

impl PidList {
    /// Reads the file's text.
    ///
    /// # Errors
    /// All lines that cannot be read, at once.
    pub fn read(text: &str) -> Result<Self, Vec<PidListFault>> {
        let mut patients = Vec::new();
        let mut faults = Vec::new();
        let mut ward: Option<String> = None;
        for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if let Some(rest) = line.strip_prefix("ward_name") {
                match ward_name(rest) {
                    Some(name) => ward = Some(name.to_owned()),
                    None => faults.push(PidListFault::WardName(i + 1)),
                }
                continue;
            }
            let id = line.rsplit('/').next().unwrap_or_default();
            if id.is_empty() || id.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
                faults.push(PidListFault::PatientId(i + 1));
                continue;
            }
            match &ward {
                None => faults.push(PidListFault::BeforeFirstWard(i + 1)),
                Some(ward) => patients.push(WardPatient {
                    patient_id: id.to_owned(),
                    encounter_id: String::new(),
                    ward_name: ward.clone(),
                }),
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

fn ward_name(rest: &str) -> Option<&str> {
    let value = rest.trim_start().strip_prefix('=')?.trim();
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|q| value.strip_prefix(q)?.strip_suffix(q))?;
    (!inner.trim().is_empty()).then_some(inner)
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
                PatientId(5),
                PatientId(6)
            ]
        );
    }
}
