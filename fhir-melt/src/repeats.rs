use fhir_crack::Batch;
use table_description::TableDescription;

use crate::piece::runs;

/// Which columns of a table repeat: those with an index number other than 1 anywhere in their cells.
///
/// fhircrackr decides this once over the whole table. It never changes which values a row yields (a column whose
/// numbers are all 1 has one row either way); it decides the order in which interleaved elements multiply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    columns: Vec<bool>,
}

impl Repeats {
    /// No column repeats yet; feed it with [`Repeats::observe`].
    #[must_use]
    pub fn none(table: &TableDescription) -> Self {
        Self {
            columns: vec![false; table.columns.len()],
        }
    }

    /// Every column may repeat.
    #[must_use]
    pub fn all(table: &TableDescription) -> Self {
        Self {
            columns: vec![true; table.columns.len()],
        }
    }

    /// What this batch shows.
    #[must_use]
    pub fn of(batch: &Batch) -> Self {
        let mut repeats = Self::none(batch.table());
        repeats.observe(batch);
        repeats
    }

    /// Adds the columns that repeat in this batch.
    pub fn observe(&mut self, batch: &Batch) {
        for (column, known) in self.columns.iter_mut().enumerate() {
            if *known {
                continue;
            }
            let joined = batch.table().columns[column].joined;
            *known = if joined {
                runs(batch, column).any(|run| run.index.iter().any(|&n| n != 1))
            } else {
                batch
                    .entries(column)
                    .any(|(_, entry)| entry.index.iter().any(|&n| n != 1))
            };
        }
    }

    /// Whether this column (counted from 0) repeats.
    #[must_use]
    pub fn column(&self, column: usize) -> bool {
        self.columns.get(column).copied().unwrap_or(false)
    }
}
