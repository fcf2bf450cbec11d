use std::fmt;
use std::str::FromStr;

use fixtures::hospital::Hospital;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which synthetic hospital the demo's server plays, so that a later run finds the same one again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HospitalPlan {
    /// Seed of the generator.
    pub seed: u64,
    /// Number of patients.
    pub patients: u32,
    /// Alterations so far.
    pub changes: Vec<Change>,
}

/// So many patients altered at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// How many.
    pub patients: u32,
    /// When the server saw it, in seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
}

impl HospitalPlan {
    /// The hospital.
    #[must_use]
    pub fn hospital(&self) -> Hospital {
        let unchanged = Hospital::new(self.seed, self.patients);
        self.changes.iter().fold(unchanged, |hospital, c| {
            hospital.with_change(c.patients, Timestamp::from_second(c.at).ok())
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.patients, self.at)
    }
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (patients, at) = text.split_once('@').ok_or("expected PATIENTS@SECONDS")?;
        let patients = patients
            .parse()
            .map_err(|_| "expected a number of patients before @")?;
        let at = at.parse().map_err(|_| "expected seconds since 1970 after @")?;
        Ok(Self { patients, at })
    }
}
