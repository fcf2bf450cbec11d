use std::collections::HashMap;
use std::sync::OnceLock;

use fhir_crack::Batch;
use table_description::{ElementPath, TableDescription};

use crate::piece::runs;

/// Which elements of a table repeat: for each column the segments of its path that may have a number other than 1.
///
/// fhircrackr decides this once over the whole table, by column. It never changes which values a row yields (an element
/// whose numbers are all 1 has one row either way); it decides the order in which interleaved elements multiply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// For each column one bit a segment, the lowest for the first.
    columns: Vec<u64>,
}

/// Lists of FHIR R4 by the element they lie in.
const R4: &str = include_str!("r4_lists.txt");

impl Repeats {
    /// No element repeats yet; feed it with [`Repeats::observe`].
    #[must_use]
    pub fn none(table: &TableDescription) -> Self {
        Self {
            columns: vec![0; table.columns.len()],
        }
    }

    /// Every element may repeat.
    #[must_use]
    pub fn all(table: &TableDescription) -> Self {
        Self {
            columns: vec![u64::MAX; table.columns.len()],
        }
    }

    /// The elements that may repeat by the cardinalities of FHIR R4.
    ///
    /// Source: <https://hl7.org/fhir/R4/resourcelist.html> (R4).
    #[must_use]
    pub fn r4(table: &TableDescription) -> Self {
        let resource = table.resource.as_deref().unwrap_or_default();
        let columns = table
            .columns
            .iter()
            .map(|column| r4_bits(resource, column.path()))
            .collect();
        Self { columns }
    }

    /// What this batch shows.
    #[must_use]
    pub fn of(batch: &Batch) -> Self {
        let mut repeats = Self::none(batch.table());
        repeats.observe(batch);
        repeats
    }

    /// Adds what repeats in this batch.
    pub fn observe(&mut self, batch: &Batch) {
        for (column, bits) in self.columns.iter_mut().enumerate() {
            if batch.table().columns[column].joined {
                runs(batch, column).for_each(|run| *bits |= repeating(run.index));
            } else {
                *bits |= batch.repeating(column);
            }
        }
    }

    /// Adds what the other says of the same table.
    pub fn unite(&mut self, other: &Self) {
        for (bits, others) in self.columns.iter_mut().zip(&other.columns) {
            *bits |= others;
        }
    }

    /// Whether any element on this column's path repeats; columns count from 0.
    #[must_use]
    pub fn column(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|&bits| bits != 0)
    }

    /// Whether the element at this segment (counted from 1) of the column's path repeats.
    #[must_use]
    pub fn segment(&self, column: usize, segment: usize) -> bool {
        let bit = 1u64.checked_shl(segment.saturating_sub(1) as u32).unwrap_or(0);
        self.columns.get(column).is_some_and(|&bits| bits & bit != 0)
    }
}

fn repeating(index: &[u32]) -> u64 {
    index
        .iter()
        .take(64)
        .enumerate()
        .fold(0, |bits, (at, &number)| bits | u64::from(number != 1) << at)
}

fn r4_bits(resource: &str, path: &ElementPath) -> u64 {
    let mut parent = resource;
    let mut bits = 0;
    for (at, segment) in path.segments().take(64).enumerate() {
        bits |= u64::from(is_r4_list(resource, parent, segment)) << at;
        parent = segment;
    }
    bits
}

fn is_r4_list(resource: &str, parent: &str, element: &str) -> bool {
    static LISTS: OnceLock<HashMap<&str, Vec<&str>>> = OnceLock::new();
    let lists = LISTS.get_or_init(|| {
        let lines = R4.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once(' '))
            .map(|(place, words)| (place, words.split(' ').collect()))
            .collect()
    });
    let known = |place: &str| lists.get(place).is_some_and(|words| words.contains(&element));
    known(parent) || known("*") || known(&format!("{resource}/{parent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_r4_are_known_by_the_element_they_lie_in() {
        let cases = [
            ("Patient", "name/given", 0b11),
            ("Patient", "birthDate", 0),
            ("Observation", "code/coding/code", 0b010),
            ("Observation", "identifier/type/coding/code", 0b0101),
            ("Encounter", "type/coding/code", 0b011),
            ("Encounter", "participant/type/text", 0b011),
            ("Encounter", "serviceProvider/identifier/value", 0),
            (
                "MedicationRequest",
                "dosageInstruction/timing/repeat/dayOfWeek",
                0b1001,
            ),
            ("Consent", "provision/actor/role/text", 0b0010),
            ("Observation", "meta/profile", 0b10),
            ("Unheard", "extension/url", 0b01),
        ];
        for (resource, path, bits) in cases {
            assert_eq!(
                r4_bits(resource, &ElementPath::new(path)),
                bits,
                "{resource}.{path}"
            );
        }
    }
}
