use super::hash::{self, ByHash};
use super::tally::{Count, Tally};

/// Different values a column may have before they are no longer told apart.
pub(crate) const LIMIT: usize = 65_536;

/// The different values of a column, counted.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    slots: ByHash<u32>,
    entries: Vec<(Box<str>, Tally, People)>,
    /// The last value and its slot: melted rows repeat most values.
    last: Option<(u64, u32)>,
    full: bool,
}

impl Dictionary {
    /// Counts a value by its hash; returns whether it is new, or not told apart any more.
    pub(crate) fn add(&mut self, hash: u64, value: &str, patient: u32) -> bool {
        if let Some((last, slot)) = self.last
            && last == hash
        {
            self.count(slot, patient);
            return false;
        }
        if let Some(&slot) = self.slots.get(&hash) {
            self.last = Some((hash, slot));
            self.count(slot, patient);
            return false;
        }
        if self.entries.len() >= LIMIT {
            self.full = true;
            return true;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the limit is far below")]
        let slot = self.entries.len() as u32;
        self.slots.insert(hash, slot);
        self.entries
            .push((value.into(), Tally::default(), People::default()));
        self.last = Some((hash, slot));
        self.count(slot, patient);
        true
    }

    fn count(&mut self, slot: u32, patient: u32) {
        if let Some((_, tally, people)) = self.entries.get_mut(slot as usize) {
            tally.add(patient);
            people.add(patient);
        }
    }

    /// Whether values were left out.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Different values.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The values, the most frequent first, those of the same frequency in order of their text; and how many patients each
    /// has, where that is known.
    pub(crate) fn into_counts(self) -> Vec<(Box<str>, Count, Option<u64>)> {
        let mut counts: Vec<_> = self
            .entries
            .into_iter()
            .map(|(value, tally, people)| (value, tally.count(), people.count()))
            .collect();
        counts.sort_by(|(a, m, _), (b, n, _)| n.rows.cmp(&m.rows).then_with(|| a.cmp(b)));
        counts
    }
}

/// How many patients, all of them: they are numbered in the order they come, and rows of one lie together, so a higher number
/// is somebody new. Where a lower one comes later, nobody can tell any more.
#[derive(Clone, Copy, Debug, Default)]
struct People {
    count: u64,
    highest: u32,
    last: u32,
    unknown: bool,
}

impl People {
    fn add(&mut self, patient: u32) {
        if patient > self.highest {
            self.count += 1;
            self.highest = patient;
        } else if patient != self.last {
            self.unknown = true;
        }
        self.last = patient;
    }

    fn count(self) -> Option<u64> {
        (!self.unknown).then_some(self.count)
    }
}

/// Numbers different values in the order they come.
#[derive(Debug, Default)]
pub(crate) struct Numbering(ByHash<u32>);

impl Numbering {
    /// The number of a value, counted from 1.
    pub(crate) fn number(&mut self, value: &str) -> u32 {
        let next = u32::try_from(self.0.len() + 1).unwrap_or(u32::MAX);
        *self.0.entry(hash::text(value.as_bytes())).or_insert(next)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_ordered() {
        let mut dictionary = Dictionary::default();
        for (value, patient) in [("b", 1), ("a", 1), ("b", 2), ("c", 3), ("a", 1)] {
            dictionary.add(hash::text(value.as_bytes()), value, patient);
        }
        let counts = dictionary.into_counts();
        let expected = [
            ("a", Count { rows: 2, patients: 1 }, Some(1)),
            ("b", Count { rows: 2, patients: 2 }, Some(2)),
            ("c", Count { rows: 1, patients: 1 }, Some(1)),
        ];
        assert_eq!(
            counts.iter().map(|(v, c, p)| (&**v, *c, *p)).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn patients_of_a_value_are_known_as_long_as_each_lies_together() {
        let mut dictionary = Dictionary::default();
        for patient in (1..=300).flat_map(|p| [p, p]) {
            dictionary.add(7, "x", patient);
        }
        dictionary.add(8, "y", 5);
        dictionary.add(8, "y", 3);
        let counts = dictionary.into_counts();
        assert_eq!((counts[0].2, counts[1].2), (Some(300), None));
    }

    #[test]
    fn beyond_the_limit_values_are_left_out_and_said_so() {
        let mut dictionary = Dictionary::default();
        for i in 0..=LIMIT as u64 {
            dictionary.add(i, "x", 1);
        }
        assert!(dictionary.is_full());
        assert_eq!(dictionary.len(), LIMIT);
    }
}
