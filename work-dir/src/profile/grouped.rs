use polars::prelude::Series;

use super::hash::{self, ByHash, mix};
use super::measure::texts;
use super::numbers::{Sample, by_group, of_sorted};
use super::repeats::with_repeats;
use super::shape::Group;

/// Groups that are told apart.
const GROUPS: usize = 4_096;
/// Groups that a profile keeps: those with the most numbers.
const KEPT: usize = 256;

/// Numbers of a column divided by code and unit.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    slots: ByHash<u32>,
    names: Vec<(Box<str>, Box<str>)>,
}

impl Groups {
    /// The group of each row of a piece that has a number, counted from 1; 0 where there are too many, or no number.
    pub(crate) fn piece(
        &mut self,
        code: Option<&Series>,
        unit: Option<&Series>,
        numbers: impl Iterator<Item = bool>,
    ) -> Vec<u32> {
        let (code, unit) = (code.map(texts), unit.map(texts));
        let mut codes = code.iter().flat_map(|s| s.str()).flat_map(with_repeats);
        let mut units = unit.iter().flat_map(|s| s.str()).flat_map(with_repeats);
        // The group of the row before; 0 where that is not known.
        let mut last = 0;
        let has = (code.is_some(), unit.is_some());
        numbers
            .map(|number| {
                let (code, same_code) = codes.next().unwrap_or_default();
                let (unit, same_unit) = units.next().unwrap_or_default();
                if last == 0 || (has.0 && !same_code) || (has.1 && !same_unit) {
                    last = 0;
                    if number {
                        last = self.group(code.unwrap_or(""), unit.unwrap_or(""));
                    }
                }
                if number { last } else { 0 }
            })
            .collect()
    }

    fn group(&mut self, code: &str, unit: &str) -> u32 {
        let hash = mix(hash::text(code.as_bytes()), hash::text(unit.as_bytes()));
        if let Some(&slot) = self.slots.get(&hash) {
            return slot;
        }
        if self.names.len() >= GROUPS {
            return 0;
        }
        self.names.push((code.into(), unit.into()));
        #[expect(clippy::cast_possible_truncation, reason = "the limit is far below")]
        let slot = self.names.len() as u32;
        self.slots.insert(hash, slot);
        slot
    }

    /// The distributions of the groups of ascending numbers, the largest first.
    pub(crate) fn finish(self, sorted: &[Sample]) -> Vec<Group> {
        let is_one = self.names.len() == 1 && self.names[0].0.is_empty() && self.names[0].1.is_empty();
        if self.names.is_empty() || is_one {
            return Vec::new();
        }
        let samples = by_group(sorted, self.names.len());
        let chunks = samples.chunk_by(|a, b| a.group == b.group);
        let mut chunks: Vec<&[Sample]> = chunks
            .filter(|c| c.first().is_some_and(|s| s.group > 0))
            .collect();
        // Groups of the same size in order of their names.
        chunks.sort_by_key(|chunk| {
            let name = chunk.first().and_then(|s| self.names.get(s.group as usize - 1));
            (std::cmp::Reverse(chunk.len()), name)
        });
        let group = |chunk: &&[Sample]| {
            let slot = chunk.first()?.group as usize - 1;
            let (code, unit) = self.names.get(slot)?;
            Some(Group {
                code: code.to_string(),
                unit: unit.to_string(),
                numbers: of_sorted(chunk),
            })
        };
        chunks.iter().take(KEPT).filter_map(group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::NamedFrom;

    #[test]
    fn numbers_are_divided_by_code_and_unit() {
        let code = Series::new("c".into(), [Some("a"), Some("b"), Some("a"), None]);
        let unit = Series::new("u".into(), ["g", "g", "kg", "g"]);
        let mut groups = Groups::default();
        let at = groups.piece(Some(&code), Some(&unit), [true, true, true, true].into_iter());
        assert_eq!(at, [1, 2, 3, 4]);
        let code = Series::new("c".into(), ["b", "b", "b", "b", "z"]);
        let at = groups.piece(
            Some(&code),
            Some(&unit),
            [true, false, true, true, false].into_iter(),
        );
        assert_eq!(at, [2, 0, 5, 2, 0], "only rows with a number have a group");
        let samples: Vec<Sample> = [1, 2, 2, 3]
            .into_iter()
            .map(|group| Sample {
                value: f64::from(group),
                patient: 1,
                group,
            })
            .collect();
        let found = groups.finish(&samples);
        let names: Vec<_> = found
            .iter()
            .map(|g| (g.code.as_str(), g.unit.as_str(), g.numbers.count.rows))
            .collect();
        assert_eq!(names, [("b", "g", 2), ("a", "g", 1), ("a", "kg", 1)]);
    }
}
