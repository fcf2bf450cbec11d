/// Whether the next rows of a table are taken for new.
///
/// A look at the hash index costs every row as much as half of its entry there. Where nothing but new rows has come for a
/// while, as in a first load or a backfill, rows are copied in without it; the index refuses those that were known, and then
/// they are asked for after all.
#[derive(Debug, Default)]
pub(super) struct Trust {
    new_in_a_row: usize,
    /// Whether the index refuses what is known; not known yet where nothing has depended on it.
    pub(super) is_safe: Option<bool>,
}

/// So many new rows make the next ones be taken for new.
const ENOUGH: usize = 5_000;

impl Trust {
    /// Whether rows are to be copied in without asking, if that is safe.
    pub(super) fn is_given(&self) -> bool {
        self.new_in_a_row >= ENOUGH
    }

    /// So many rows came, and so many of them were known.
    pub(super) fn note(&mut self, rows: usize, known: usize) {
        self.new_in_a_row = if known == 0 {
            self.new_in_a_row.saturating_add(rows)
        } else {
            0
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_known_row_ends_it() {
        let mut trust = Trust::default();
        assert!(!trust.is_given());
        trust.note(ENOUGH - 1, 0);
        assert!(!trust.is_given());
        trust.note(1, 0);
        assert!(trust.is_given());
        trust.note(50, 1);
        assert!(!trust.is_given());
    }
}
