use crate::profile::Count;

/// How cells of few patients are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masking {
    /// Cells of fewer patients are hidden; 0 shows everything.
    pub threshold: u32,
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

    /// The rows of cells that add up to a total the reader may know; `None` for those to hide.
    ///
    /// Where a cell of few patients is hidden, the smallest others are hidden too, until those hidden hold one of enough
    /// patients: what is left of the total then belongs to no small group.
    #[must_use]
    pub fn cells(self, counts: &[Count]) -> Vec<Option<u64>> {
        let mut shown: Vec<Option<u64>> = counts
            .iter()
            .map(|count| (!self.hides(*count)).then_some(count.rows))
            .collect();
        if shown.iter().all(Option::is_some) {
            return shown;
        }
        let smallest = counts
            .iter()
            .enumerate()
            .filter(|(_, count)| count.rows > 0 && !self.hides(**count))
            .min_by_key(|(_, count)| count.rows);
        if let Some((i, _)) = smallest {
            shown[i] = None;
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Masking = Masking { threshold: 5 };

    fn count(rows: u64, patients: u32) -> Count {
        Count { rows, patients }
    }

    #[test]
    fn small_cells_are_hidden_and_cannot_be_worked_out() {
        let counts = [count(100, 20), count(3, 2), count(40, 20), count(0, 0)];
        assert_eq!(FIVE.cells(&counts), [Some(100), None, None, Some(0)]);
        let many_rows_of_one = [count(100, 20), count(900, 1)];
        assert_eq!(FIVE.cells(&many_rows_of_one), [None, None]);
    }

    #[test]
    fn nothing_is_hidden_without_need_or_without_masking() {
        let counts = [count(5, 5), count(80, 20)];
        assert_eq!(FIVE.cells(&counts), [Some(5), Some(80)]);
        let open = Masking { threshold: 0 };
        assert_eq!(open.cells(&[count(1, 1), count(2, 1)]), [Some(1), Some(2)]);
    }
}
