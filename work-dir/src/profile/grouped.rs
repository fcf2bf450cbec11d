use polars::prelude::Series;

use super::hash::{self, ByHash, mix};
use super::measure::texts;
use super::numbers::{Sample, by_group, of_sorted};
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
    /// The group of each row of a piece, counted from 1; 0 where there are too many.
    pub(crate) fn piece(&mut self, code: Option<&Series>, unit: Option<&Series>, rows: usize) -> Vec<u32> {
        let (code, unit) = (code.map(texts), unit.map(texts));
        let mut codes = code.iter().flat_map(|s| s.str()).flat_map(|c| c.iter());
        let mut units = unit.iter().flat_map(|s| s.str()).flat_map(|c| c.iter());
        let mut last: Option<(&str, &str, u32)> = None;
        let mut groups = Vec::with_capacity(rows);
        for _ in 0..rows {
            let code = codes.next().flatten().unwrap_or("");
            let unit = units.next().flatten().unwrap_or("");
            let group = match last {
                Some((c, u, group)) if c == code && u == unit => group,
                _ => self.group(code, unit),
            };
            last = Some((code, unit, group));
            groups.push(group);
        }
        groups
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
        chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.len()));
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
        let at = groups.piece(Some(&code), Some(&unit), 4);
        assert_eq!(at, [1, 2, 3, 4]);
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
