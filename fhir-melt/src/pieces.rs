use fhir_crack::Batch;

use crate::cell::{Arena, Cell};
use crate::piece::Piece;

/// The values of one column on their way down the groups: for each the repetition it lies in.
///
/// Values that are taken as they stand in the batch are not copied; only where they lie is kept, four bytes each.
pub(crate) struct Pieces<'a> {
    values: Values<'a>,
    /// For each value the position of the repetition it lies in, in the innermost group seen so far. Empty as long as
    /// that is the resource.
    at: Vec<u32>,
    /// Of each value the number at the depth looked at.
    numbers: Vec<u32>,
}

enum Values<'a> {
    /// The values of a column of the batch.
    Whole { batch: &'a Batch, column: usize },
    /// Values that were joined or cut.
    Made(Vec<Piece<'a>>),
}

impl<'a> Pieces<'a> {
    pub(crate) fn whole(batch: &'a Batch, column: usize) -> Self {
        Self {
            values: Values::Whole { batch, column },
            at: Vec::new(),
            numbers: Vec::new(),
        }
    }

    pub(crate) fn made(pieces: Vec<Piece<'a>>) -> Self {
        Self {
            values: Values::Made(pieces),
            at: Vec::new(),
            numbers: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Whole { batch, column } => batch.value_rows(*column).len(),
            Values::Made(pieces) => pieces.len(),
        }
    }

    /// Calls for each value with the repetition it lies in and its number at a depth (counted from 1) below that. A
    /// value whose index is too short is the first repetition.
    fn each(&self, depth: usize, mut of: impl FnMut(u32, u32)) {
        match &self.values {
            Values::Whole { batch, column } => {
                let numbers = batch.numbers(*column, depth);
                if self.at.is_empty() {
                    batch
                        .value_rows(*column)
                        .zip(numbers)
                        .for_each(|(row, number)| of(row, number.max(1)));
                } else {
                    self.at
                        .iter()
                        .zip(numbers)
                        .for_each(|(&at, number)| of(at, number.max(1)));
                }
            }
            Values::Made(pieces) => {
                for (position, piece) in pieces.iter().enumerate() {
                    of(
                        self.at.get(position).copied().unwrap_or(piece.row),
                        piece.number(depth),
                    );
                }
            }
        }
    }

    /// Reads the numbers at a depth for [`Pieces::descend`], each shown to `of` with the repetition it lies in.
    pub(crate) fn read_numbers(&mut self, depth: usize, mut of: impl FnMut(u32, u32)) {
        let mut read = std::mem::take(&mut self.numbers);
        read.clear();
        read.reserve(self.len());
        self.each(depth, |at, number| {
            of(at, number);
            read.push(number);
        });
        self.numbers = read;
    }

    /// Goes down to the group whose numbers were read: `to` gives the position there of a repetition and a number below
    /// it.
    pub(crate) fn descend(&mut self, to: impl Fn(u32, u32) -> u32) {
        let mut next = std::mem::take(&mut self.numbers);
        let place = |(next, at): (&mut u32, u32)| *next = to(at, *next);
        if self.at.is_empty() {
            match &self.values {
                Values::Whole { batch, column } => {
                    next.iter_mut().zip(batch.value_rows(*column)).for_each(place);
                }
                Values::Made(pieces) => next
                    .iter_mut()
                    .zip(pieces.iter().map(|piece| piece.row))
                    .for_each(place),
            }
        } else {
            next.iter_mut().zip(self.at.iter().copied()).for_each(place);
        }
        self.numbers = std::mem::replace(&mut self.at, next);
    }

    /// Puts every value into the cell of its repetition, joining those that share one; no cells at all where the column
    /// has no value.
    pub(crate) fn settle(&self, slots: usize, separator: &str, arena: &mut Arena) -> Vec<Cell<'a>> {
        if self.len() == 0 {
            return Vec::new();
        }
        let mut cells = vec![Cell::NULL; slots];
        let mut put = |at: u32, text: Cell<'a>| {
            if let Some(cell) = cells.get_mut(at as usize) {
                *cell = if cell.is_null() {
                    text
                } else {
                    arena.append(*cell, separator, text)
                };
            }
        };
        match &self.values {
            Values::Whole { batch, column } => {
                let batch: &'a Batch = batch;
                let texts = batch.texts(*column).map(Cell::Text);
                if self.at.is_empty() {
                    batch
                        .value_rows(*column)
                        .zip(texts)
                        .for_each(|(row, text)| put(row, text));
                } else {
                    self.at.iter().zip(texts).for_each(|(&at, text)| put(at, text));
                }
            }
            Values::Made(pieces) => {
                for (position, piece) in pieces.iter().enumerate() {
                    put(self.at.get(position).copied().unwrap_or(piece.row), piece.text);
                }
            }
        }
        cells
    }
}
