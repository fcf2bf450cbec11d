use std::fmt::Write as _;

/// Ids kept as ranges of neighbours: an import of a million new rows has few of them.
#[derive(Debug, Default)]
pub(super) struct IdRanges {
    /// First and last of each range, in the order they came.
    ranges: Vec<(i32, i32)>,
    /// How many there were when they were united last.
    united: usize,
}

/// Ranges that are kept without uniting them.
const FEW: usize = 4_096;

impl IdRanges {
    /// Adds ids in any order; neighbours in ascending order cost nothing.
    pub(super) fn extend(&mut self, ids: &[i32]) {
        for &id in ids {
            match self.ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
                _ => self.ranges.push((id, id)),
            }
        }
        if self.ranges.len() > FEW.max(2 * self.united) {
            self.unite();
        }
    }

    /// Sorts the ranges and makes one of those that touch.
    fn unite(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, before| {
            let touch = before.1.checked_add(1).is_none_or(|behind| next.0 <= behind);
            if touch {
                before.1 = before.1.max(next.1);
            }
            touch
        });
        self.united = self.ranges.len();
    }

    /// Takes all ids as the text of a multirange.
    pub(super) fn take(&mut self) -> String {
        let mut all = std::mem::take(self);
        all.unite();
        let mut text = String::from("{");
        for (position, (first, last)) in all.ranges.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}[{first},{last}]");
        }
        text.push('}');
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn neighbours_are_one_range() {
        let mut ids = IdRanges::default();
        assert_eq!(ids.take(), "{}");
        ids.extend(&[7, 3, 1, 2, 3, 9]);
        ids.extend(&[i32::MAX, i32::MAX - 1]);
        assert_eq!(ids.take(), "{[1,3],[7,7],[9,9],[2147483646,2147483647]}");
        assert_eq!(ids.take(), "{}", "taken once");
    }

    #[test]
    fn many_scattered_ids_stay_few_ranges_and_none_is_lost() {
        let mut ids = IdRanges::default();
        let mut known = BTreeSet::new();
        let mut state = 3_u64;
        for _ in 0..400 {
            let some: Vec<i32> = (0..100)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 33) as i32 % 9_000
                })
                .collect();
            known.extend(some.iter().copied());
            ids.extend(&some);
            assert!(ids.ranges.len() <= 2 * FEW + 4_500 + 100);
        }
        let text = ids.take();
        let listed: Vec<i32> = text
            .trim_matches(['{', '}'])
            .split("],")
            .flat_map(|range| {
                let (first, last) = range.trim_matches(['[', ']']).split_once(',').expect("two");
                first.parse::<i32>().expect("a number")..=last.parse::<i32>().expect("a number")
            })
            .collect();
        assert_eq!(listed, known.into_iter().collect::<Vec<_>>());
    }
}
