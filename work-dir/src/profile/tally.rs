use serde::{Deserialize, Serialize};

/// How many patients a count tells apart; a threshold of masking cannot be higher.
pub const PATIENT_CAP: u32 = 20;

/// A number of rows and of the patients they belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Different patients, counted up to [`PATIENT_CAP`]. In tables without patients every row counts as one.
    pub patients: u32,
}

impl Count {
    /// Whether there are rows, but of fewer patients than a threshold.
    #[must_use]
    pub fn is_small(self, threshold: u32) -> bool {
        self.rows > 0 && self.patients < threshold.min(PATIENT_CAP)
    }

    /// The sum; patients of both may be the same, so it is the larger number of them.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            patients: self.patients.max(other.patients),
        }
    }
}

/// A [`Count`] that is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    rows: u64,
    seen: Vec<u32>,
}

impl Tally {
    /// Counts a row of a patient.
    pub(crate) fn add(&mut self, patient: u32) {
        self.rows += 1;
        if self.seen.len() < PATIENT_CAP as usize
            && self.seen.last() != Some(&patient)
            && !self.seen.contains(&patient)
        {
            self.seen.push(patient);
        }
    }

    /// Counts the rows of another tally as if each had been added here.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for &patient in &other.seen {
            self.add(patient);
        }
        self.rows += other.rows - other.seen.len() as u64;
    }

    /// The tally of rows of these patients.
    pub(crate) fn of(patients: &[u32]) -> Self {
        let mut tally = Self::default();
        patients.iter().for_each(|patient| tally.add(*patient));
        tally
    }

    pub(crate) fn count(&self) -> Count {
        Count {
            rows: self.rows,
            patients: u32::try_from(self.seen.len()).unwrap_or(PATIENT_CAP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_tallies_is_the_tally_of_all_rows() {
        let patients: Vec<u32> = (0..200).map(|i| i * i % 37).collect();
        for at in 0..patients.len() {
            let (first, second) = patients.split_at(at);
            let mut sum = Tally::of(first);
            sum.add_all(&Tally::of(second));
            assert_eq!(sum.count(), Tally::of(&patients).count(), "{at}");
        }
        let mut few = Tally::of(&[1, 2]);
        few.add_all(&Tally::of(&[2, 3, 3]));
        assert_eq!(few.count(), Count { rows: 5, patients: 3 });
    }

    #[test]
    fn patients_are_counted_once_and_up_to_the_cap() {
        let mut tally = Tally::default();
        for patient in [1, 1, 2, 1, 3, 2] {
            tally.add(patient);
        }
        assert_eq!(tally.count(), Count { rows: 6, patients: 3 });
        assert!(tally.count().is_small(5) && !tally.count().is_small(3));
        for patient in 0..100 {
            tally.add(patient);
        }
        let count = tally.count();
        assert_eq!((count.rows, count.patients), (106, PATIENT_CAP));
        assert!(
            !count.is_small(1_000),
            "a threshold above the cap is taken for the cap"
        );
        assert!(!Count::default().is_small(5), "no rows are no secret");
    }
}
