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

/// One value of a repeating column on its way down the groups.
pub(crate) struct Piece<'a> {
    /// Position of the repetition it lies in, in the innermost group seen so far (at first the source row).
    pub(crate) at: u32,
    pub(crate) index: &'a [u32],
    pub(crate) text: Cell<'a>,
}

impl<'a> Piece<'a> {
    pub(crate) fn new(row: u32, index: &'a [u32], text: Cell<'a>) -> Self {
        Self { at: row, index, text }
    }

    /// The repetition of the group of this depth: position of the parent, then the number within it. A value whose
    /// index is too short (or missing) is the first repetition.
    pub(crate) fn key(&self, depth: usize) -> u64 {
        let number = self.index.get(depth - 1).copied().unwrap_or(1).max(1);
        u64::from(self.at) << 32 | u64::from(number)
    }
}
