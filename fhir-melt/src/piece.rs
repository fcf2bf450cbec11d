use fhir_crack::{Batch, Entry};

use crate::cell::Cell;

/// The values of one cell that are joined to one: neighbours below the same repetition of the first path segment
/// (the given names of one name).
pub(crate) struct Run<'a> {
    pub(crate) row: u32,
    /// Index of the first value, which stands for all.
    pub(crate) index: &'a [u32],
    pub(crate) texts: Vec<&'a str>,
    /// Whether another run follows in the same cell.
    pub(crate) followed: bool,
}

/// The runs of a joined column, cell by cell.
pub(crate) fn runs(batch: &Batch, column: usize) -> impl Iterator<Item = Run<'_>> {
    let mut entries = batch.entries(column).peekable();
    std::iter::from_fn(move || {
        let (row, Entry { index, text }) = entries.next()?;
        let mut run = Run {
            row,
            index,
            texts: vec![text],
            followed: false,
        };
        while let Some((next_row, next)) = entries.peek() {
            if *next_row != row {
                break;
            }
            if next.index.first() != index.first() {
                run.followed = true;
                break;
            }
            run.texts.push(next.text);
            entries.next();
        }
        Some(run)
    })
}

/// One value of a column that was joined or cut before it is melted.
pub(crate) struct Piece<'a> {
    /// Source row, counted from 0.
    pub(crate) row: u32,
    pub(crate) index: &'a [u32],
    pub(crate) text: Cell<'a>,
}

impl<'a> Piece<'a> {
    pub(crate) fn new(row: u32, index: &'a [u32], text: Cell<'a>) -> Self {
        Self { row, index, text }
    }

    /// The number at a depth counted from 1. A value whose index is too short (or missing) is the first repetition.
    pub(crate) fn number(&self, depth: usize) -> u32 {
        let number = depth.checked_sub(1).and_then(|at| self.index.get(at));
        number.copied().unwrap_or(1).max(1)
    }
}
