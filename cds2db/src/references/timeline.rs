use std::cmp::Reverse;

use super::Level;

/// Class of an encounter in the order of preference where several enclose a moment.
///
/// Source: <https://terminology.hl7.org/CodeSystem/v3-ActCode> (R4) and the German `SS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Inpatient,
    ShortStay,
    Ambulatory,
    Other,
}

impl Class {
    pub(super) const ALL: [Self; 4] = [Self::Inpatient, Self::ShortStay, Self::Ambulatory, Self::Other];

    pub(super) fn of(code: Option<&str>) -> Self {
        match code {
            Some("IMP") => Self::Inpatient,
            Some("SS") => Self::ShortStay,
            Some("AMB") => Self::Ambulatory,
            _ => Self::Other,
        }
    }
}

/// Encounters sorted so that the one that encloses a moment is found in logarithmic time, however many a patient has.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Sorted by group, start, and position from the last to the first.
    entries: Vec<Entry>,
    /// Latest end below each node of a binary tree over the entries; node 1 is the root.
    latest_end: Vec<i64>,
}

/// What an entry is looked up by: level, patient, class.
type Group = (Level, u32, Class);

#[derive(Debug)]
struct Entry {
    group: Group,
    start: i64,
    end: i64,
    position: u32,
}

impl Timeline {
    /// Entries as (group, start, end, position); an unknown end is later than any.
    pub(super) fn new(entries: impl Iterator<Item = (Group, i64, Option<i64>, u32)>) -> Self {
        let mut entries: Vec<Entry> = entries
            .map(|(group, start, end, position)| Entry {
                group,
                start,
                end: end.unwrap_or(i64::MAX),
                position,
            })
            .collect();
        entries.sort_unstable_by_key(|e| (e.group, e.start, Reverse(e.position)));
        let leaves = entries.len().next_power_of_two();
        let mut latest_end = vec![i64::MIN; 2 * leaves];
        for (leaf, entry) in latest_end.iter_mut().skip(leaves).zip(&entries) {
            *leaf = entry.end;
        }
        for node in (1..leaves).rev() {
            latest_end[node] = latest_end[2 * node].max(latest_end[2 * node + 1]);
        }
        Self { entries, latest_end }
    }

    /// Of the group's encounters that began by `start` and end at `end` or later, the one that began last, and the first of
    /// several; as (start, position).
    pub(super) fn enclosing(&self, group: Group, start: i64, end: i64) -> Option<(i64, u32)> {
        let from = self.entries.partition_point(|e| e.group < group);
        let to = self
            .entries
            .partition_point(|e| (e.group, e.start) <= (group, start));
        let leaves = self.latest_end.len() / 2;
        let found = self.last(1, 0, leaves, &(from..to), end)?;
        self.entries.get(found).map(|e| (e.start, e.position))
    }

    /// The last entry within `range` below a node (which covers `left..right`) that ends at `end` or later.
    fn last(
        &self,
        node: usize,
        left: usize,
        right: usize,
        range: &std::ops::Range<usize>,
        end: i64,
    ) -> Option<usize> {
        if right <= range.start || range.end <= left || self.latest_end.get(node).is_none_or(|&e| e < end) {
            return None;
        }
        if right - left == 1 {
            return Some(left);
        }
        let middle = left.midpoint(right);
        self.last(2 * node + 1, middle, right, range, end)
            .or_else(|| self.last(2 * node, left, middle, range, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_walk_over_all_finds() {
        let mut state = 7_u64;
        let mut dice = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for size in [0, 1, 2, 3, 17, 64] {
            let group = |patient: u64| (Level::Facility, patient as u32, Class::Inpatient);
            let rows: Vec<_> = (0..size)
                .map(|position| {
                    let start = dice(20) as i64;
                    let end = (dice(3) > 0).then(|| start + dice(10) as i64);
                    (group(dice(2)), start, end, position)
                })
                .collect();
            let timeline = Timeline::new(rows.iter().copied());
            for _ in 0..200 {
                let (patient, start) = (dice(3), dice(22) as i64);
                let end = start + dice(5) as i64;
                let slow = rows
                    .iter()
                    .filter(|(g, s, e, _)| *g == group(patient) && *s <= start && e.is_none_or(|e| e >= end))
                    .min_by_key(|(_, s, _, position)| (start - s, *position))
                    .map(|(_, s, _, position)| (*s, *position));
                assert_eq!(timeline.enclosing(group(patient), start, end), slow);
            }
        }
    }
}
