//! What of few patients is hidden, and how the rest is shown so that nothing hidden can be worked out.

use super::text::percent;
use crate::profile::{Count, share};

/// Shown numbers are multiples of this.
const STEP: u64 = 5;
/// How far a number lies from what is shown of it, at most.
const SLACK: i128 = 2;

/// How cells of few patients are hidden.
///
/// What is shown is rounded to multiples of 5. A hidden cell could still follow from a total and the cells beside it; so of
/// the cells that add up to a total, more are hidden until even a reader who knows the total exactly finds every number
/// from 1 to the threshold possible for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masking {
    /// Cells of fewer patients are hidden; 0 hides nothing and shows every number as it is.
    pub threshold: u32,
    /// Numbers are shown as they are; what could be worked out of them is not looked for then.
    pub exact: bool,
}

impl Masking {
    /// Whether a cell of its own must be hidden.
    #[must_use]
    pub fn hides(self, count: Count) -> bool {
        count.is_small(self.threshold)
    }

    /// Whether a number that is not counted by patient must be hidden.
    #[must_use]
    pub fn hides_number(self, number: u64) -> bool {
        number > 0 && number < u64::from(self.threshold)
    }

    /// Whether numbers are rounded.
    #[must_use]
    pub fn rounds(self) -> bool {
        self.threshold > 0 && !self.exact
    }

    /// A number as it may be shown.
    #[must_use]
    pub fn shown(self, number: u64) -> u64 {
        if self.rounds() {
            (number + STEP / 2) / STEP * STEP
        } else {
            number
        }
    }

    /// Whether a quantile may be shown: one near an end is the value of few rows.
    #[must_use]
    pub(crate) fn may_show(self, q: f64, count: Count) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
        let beyond = count.rows as f64 * q.min(1.0 - q);
        beyond >= f64::from(self.threshold)
    }

    /// A part of a whole in per cent, of the numbers that are shown.
    #[must_use]
    pub(crate) fn percent(self, part: u64, whole: u64) -> String {
        if !self.rounds() {
            return percent(share(part, whole));
        }
        match (self.shown(part), self.shown(whole)) {
            (0, _) if part > 0 => "next to none".to_owned(),
            (part, whole) => format!("{:.0} %", share(part.min(whole), whole) * 100.0),
        }
    }

    /// The rows of cells that add up to a total, as they may be shown; `None` for those that are hidden.
    #[must_use]
    pub fn cells(self, counts: &[Count]) -> Vec<Option<u64>> {
        let mut hidden: Vec<bool> = counts.iter().map(|count| self.hides(*count)).collect();
        if hidden.contains(&true) {
            if self.rounds() {
                while !self.is_safe(counts, &hidden) && self.hide_smallest(counts, &mut hidden) {}
            } else {
                self.hide_smallest(counts, &mut hidden);
            }
        }
        let cells = counts.iter().zip(&hidden);
        cells
            .map(|(count, hidden)| (!hidden).then(|| self.shown(count.rows)))
            .collect()
    }

    /// Hides the smallest cell that is shown and not empty; `false` where there is none.
    fn hide_smallest(self, counts: &[Count], hidden: &mut [bool]) -> bool {
        let shown = counts
            .iter()
            .enumerate()
            .filter(|(i, count)| !hidden[*i] && count.rows > 0);
        let smallest = shown.min_by_key(|(_, count)| count.rows).map(|(i, _)| i);
        if let Some(i) = smallest {
            hidden[i] = true;
        }
        smallest.is_some()
    }

    /// Whether a reader who knows the total finds every number from 1 to the threshold possible for each hidden cell.
    fn is_safe(self, counts: &[Count], hidden: &[bool]) -> bool {
        let (mut cells, mut least, mut most) = (0_i128, 0_i128, 0_i128);
        for (count, hidden) in counts.iter().zip(hidden) {
            let rows = i128::from(count.rows);
            if *hidden {
                cells += 1;
                least += rows;
                most += rows;
            } else if rows > 0 {
                // What is left of the total when this cell is as large, or as small, as what is shown of it allows.
                // A cell that is shown is of enough patients, so it has as many rows.
                let shown = i128::from(self.shown(count.rows));
                least += rows - shown - SLACK;
                most += rows - (shown - SLACK).max(i128::from(self.threshold));
            }
        }
        // Hidden cells have a row at least.
        let highest = most - (cells - 1);
        let lowest = if cells == 1 { least } else { 1 };
        highest >= i128::from(self.threshold) && lowest <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Masking = Masking {
        threshold: 5,
        exact: false,
    };
    const EXACT: Masking = Masking {
        threshold: 5,
        exact: true,
    };

    fn count(rows: u64, patients: u32) -> Count {
        Count { rows, patients }
    }

    #[test]
    fn small_cells_are_hidden_with_the_next_smallest() {
        let counts = [count(100, 20), count(3, 2), count(40, 20), count(0, 0)];
        assert_eq!(EXACT.cells(&counts), [Some(100), None, None, Some(0)]);
        let many_rows_of_one = [count(100, 20), count(900, 1)];
        assert_eq!(EXACT.cells(&many_rows_of_one), [None, None]);
        assert_eq!(
            FIVE.cells(&many_rows_of_one),
            [None, None],
            "900 would follow from a total"
        );
    }

    #[test]
    fn numbers_are_rounded_and_what_rounding_protects_stays() {
        let counts: Vec<Count> = (0..6).map(|i| count(101 + i, 20)).chain([count(3, 2)]).collect();
        let shown = FIVE.cells(&counts);
        assert_eq!(shown[6], None);
        assert_eq!(
            shown[..6].iter().flatten().count(),
            6,
            "six rounded cells leave enough room: {shown:?}"
        );
        assert!(shown.iter().flatten().all(|n| n % 5 == 0));
        // 103 is shown as 105 and leaves less room than one: two cells more are hidden than with luck.
        let unlucky = [count(103, 20), count(103, 20), count(1, 1)];
        assert_eq!(FIVE.cells(&unlucky)[2], None);
        assert!(
            FIVE.cells(&unlucky).iter().flatten().count() < 2,
            "{:?}",
            FIVE.cells(&unlucky)
        );
    }

    #[test]
    fn nothing_is_hidden_without_need_or_without_masking() {
        let counts = [count(5, 5), count(81, 20)];
        assert_eq!(FIVE.cells(&counts), [Some(5), Some(80)]);
        assert_eq!(EXACT.cells(&counts), [Some(5), Some(81)]);
        let open = Masking {
            threshold: 0,
            exact: false,
        };
        assert_eq!(open.cells(&[count(1, 1), count(2, 1)]), [Some(1), Some(2)]);
    }

    /// Over many random margins no hidden number follows, even from a total that is known exactly.
    #[test]
    fn a_reader_who_knows_the_total_finds_every_small_number_possible() {
        let mut state = 7_u64;
        let mut below = |limit: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % limit
        };
        for _ in 0..20_000 {
            let counts: Vec<Count> = (0..1 + below(14))
                .map(|_| {
                    let rows = if below(3) == 0 { below(6) } else { below(60) };
                    count(
                        rows,
                        u32::try_from(below(rows.min(20) + 1).max(u64::from(rows > 0))).unwrap(),
                    )
                })
                .collect();
            let shown = FIVE.cells(&counts);
            let total: i128 = counts.iter().map(|c| i128::from(c.rows)).sum();
            let hidden = shown.iter().filter(|cell| cell.is_none()).count() as i128;
            let known = shown.iter().flatten().filter(|rows| **rows > 0);
            let (least, most) = known.fold((0, 0), |(least, most), rows| {
                let rows = i128::from(*rows);
                (least + (rows - SLACK).max(5), most + rows + SLACK)
            });
            // Where everything is hidden the total is, too, unless something has enough patients.
            if hidden > 1 {
                assert!(
                    total - least - (hidden - 1) >= 5 || shown.iter().flatten().all(|n| *n == 0),
                    "{counts:?}"
                );
            } else if hidden == 1 && counts.iter().filter(|c| c.rows > 0).count() > 1 {
                assert!(total - least >= 5 && total - most <= 1, "{counts:?}");
            }
        }
    }
}
