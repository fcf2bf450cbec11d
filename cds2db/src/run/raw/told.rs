//! What the server's answers said beside their resources: parameters that it does not understand, outcomes, totals that are
//! wrong, and its own time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fhir_crack::Batch;
use fhir_crack::search::Complete;
use table_description::reference::{Home, OwnBases, Reference};

use crate::Summary;
use crate::config::Settings;
use crate::run::ask::answered::Answered;

/// Clocks that differ by less are taken for equal.
const CLOCKS_DIFFER: Duration = Duration::from_secs(120);

/// Scheme, host and port of a base.
fn origin(base: &str) -> &str {
    let host = base.find("://").map_or(0, |at| at + 3);
    let rest = base.get(host..).unwrap_or_default();
    let end = rest.find('/').map_or(base.len(), |at| host + at);
    base.get(..end).unwrap_or(base)
}

/// What the answers of a run said.
#[derive(Default)]
pub(crate) struct Told {
    /// Parameters not understood, by type.
    ignored: BTreeMap<String, BTreeSet<String>>,
    /// Outcomes by type: severity and what they say.
    outcomes: BTreeMap<(String, &'static str, String), u64>,
    /// Types whose totals are too large.
    totals: BTreeSet<String>,
    /// The bases that are ours.
    ours: OwnBases,
    /// References to patients below other bases, by scheme and host of these.
    elsewhere: BTreeMap<String, u64>,
}

/// The elements that name the patient a resource is about.
const PATIENT: [&str; 2] = ["subject/reference", "patient/reference"];
/// Other bases told, at most.
const BASES: usize = 8;

impl Told {
    pub(super) fn new(ours: OwnBases) -> Self {
        Self {
            ours,
            ..Self::default()
        }
    }

    /// Counts the references to patients that stand below a base that is not ours: they count as ours, since the server
    /// delivered their resources in answer to a search for these patients.
    pub(super) fn look(&mut self, batch: &Batch) {
        let columns = PATIENT
            .iter()
            .filter_map(|path| batch.table().position_of_path(path));
        for (_, entry) in columns.flat_map(|column| batch.entries(column)) {
            if !entry.text.contains("://") {
                continue;
            }
            if let Some(Reference::Literal(found)) = Reference::parse(entry.text)
                && let Home::Elsewhere(base) = self.ours.home(&found)
            {
                let mut origin = origin(base).to_owned();
                if self.elsewhere.len() >= BASES && !self.elsewhere.contains_key(&origin) {
                    origin = "others".to_owned();
                }
                *self.elsewhere.entry(origin).or_default() += 1;
            }
        }
    }

    /// Hears the end of a search for a type.
    pub(super) fn hear(&mut self, resource: &str, proof: &Complete) {
        if !proof.ignored().is_empty() {
            let names = self.ignored.entry(resource.to_owned()).or_default();
            names.extend(proof.ignored().iter().cloned());
        }
        for outcome in proof.outcomes() {
            let about = outcome.concerns.as_deref();
            let text = match about {
                Some(about) => format!("{} {} about {about}", outcome.severity, outcome.code),
                None => format!("{} {}", outcome.severity, outcome.code),
            };
            let key = (resource.to_owned(), outcome.severity, text);
            *self.outcomes.entry(key).or_default() += outcome.count;
        }
        if proof.total_is_wrong() {
            self.totals.insert(resource.to_owned());
        }
    }

    /// Tells all of it.
    pub(super) fn tell(
        &self,
        settings: &Settings,
        run_began: i64,
        answered: &[Answered],
        summary: &mut Summary,
    ) {
        for (resource, names) in &self.ignored {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            summary.remarks.push(format!(
                "{resource}: the server says that it did not understand {}; what was not asked for is left out",
                names.join(", ")
            ));
        }
        for ((resource, severity, text), count) in &self.outcomes {
            let line = format!("{resource}: the server says {text}, {count} times");
            match *severity {
                "information" | "success" => summary.notes.push(line),
                _ => summary.remarks.push(line),
            }
        }
        for (origin, count) in &self.elsewhere {
            summary.remarks.push(format!(
                "{count} references to patients stand below a base at {origin}; they are taken for this server's, which \
                 delivered them. FHIR_SERVER_ALIASES names bases that are"
            ));
        }
        for resource in &self.totals {
            summary.notes.push(format!(
                "{resource}: the server's total is larger than what it has; FHIR_TOTAL_IS_RIGHT = false spares the second walk"
            ));
        }
        let ahead = answered.iter().filter_map(|answered| answered.ahead(run_began));
        if let Some(ahead) = ahead.max().and_then(|micros| u64::try_from(micros).ok()) {
            let ahead = Duration::from_micros(ahead);
            // A rehearsal of another day is no clock that is wrong.
            if settings.now.is_none() && ahead > CLOCKS_DIFFER {
                summary.remarks.push(format!(
                    "this machine's clock is {} s ahead of the server's; watermarks follow the server's",
                    ahead.as_secs()
                ));
            }
        }
    }
}
