use std::ops::Range;

use crate::pieces::Pieces;

/// The repetitions of one group that are present in a batch, ordered by the repetition of the parent they lie in and
/// by their number. A repetition without any value (a gap) is not stored, so a wild number costs no memory.
pub(crate) struct Node {
    /// Position of the group one segment up.
    pub(crate) parent: usize,
    /// For each repetition of the parent the position of its first child here; one more at the end.
    first: Vec<u32>,
    /// Number of each repetition within its parent, counted from 1.
    pub(crate) numbers: Vec<u32>,
}

impl Node {
    /// The root: one repetition a source row.
    pub(crate) fn root(rows: usize) -> Self {
        Self {
            parent: 0,
            first: vec![0],
            numbers: vec![1; rows],
        }
    }

    /// Collects the repetitions of a group of this depth from the columns below it and moves their values there.
    pub(crate) fn collect(
        parent: usize,
        parents: usize,
        depth: usize,
        columns: &[usize],
        pieces: &mut [Pieces<'_>],
    ) -> Self {
        let mut masks = vec![0; parents];
        if columns
            .iter()
            .all(|&column| mark(&mut pieces[column], depth, &mut masks))
        {
            return Self::dense(parent, columns, pieces, &masks);
        }
        Self::sparse(parent, parents, depth, columns, pieces)
    }

    /// Of repetitions none of which has a number above 64: one bit each, by parent.
    fn dense(parent: usize, columns: &[usize], pieces: &mut [Pieces<'_>], masks: &[u64]) -> Self {
        let mut first = Vec::with_capacity(masks.len() + 1);
        let mut numbers = Vec::with_capacity(masks.len());
        for &mask in masks {
            first.push(numbers.len() as u32);
            let mut left = mask;
            while left != 0 {
                numbers.push(left.trailing_zeros() + 1);
                left &= left - 1;
            }
        }
        first.push(numbers.len() as u32);
        let place = |parent: u32, number: u32| {
            let parent = parent as usize;
            let before = match number {
                1 => 0,
                number => (masks[parent] & ((1 << (number - 1)) - 1)).count_ones(),
            };
            first[parent] + before
        };
        for &column in columns {
            pieces[column].descend(place);
        }
        Self {
            parent,
            first,
            numbers,
        }
    }

    /// Of repetitions with numbers as high as they like.
    fn sparse(
        parent: usize,
        parents: usize,
        depth: usize,
        columns: &[usize],
        pieces: &mut [Pieces<'_>],
    ) -> Self {
        let mut present: Vec<u64> = Vec::new();
        for &column in columns {
            pieces[column].read_numbers(depth, |at, number| {
                let key = key(at, number);
                if present.last() != Some(&key) {
                    present.push(key);
                }
            });
        }
        present.sort_unstable();
        present.dedup();
        for &column in columns {
            pieces[column]
                .descend(|at, number| present.partition_point(|&known| known < key(at, number)) as u32);
        }
        let mut first = Vec::with_capacity(parents + 1);
        let mut numbers = Vec::with_capacity(present.len());
        for &key in &present {
            let parent = (key >> 32) as usize;
            while first.len() <= parent {
                first.push(numbers.len() as u32);
            }
            numbers.push(key as u32);
        }
        first.resize(parents + 1, numbers.len() as u32);
        Self {
            parent,
            first,
            numbers,
        }
    }

    /// How many repetitions are present.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Position of the first repetition that lies in this repetition of the parent or a later one.
    pub(crate) fn first(&self, parent: usize) -> usize {
        self.first
            .get(parent)
            .map_or(self.numbers.len(), |&first| first as usize)
    }

    /// Positions of the repetitions that lie in one repetition of the parent.
    pub(crate) fn children(&self, parent: usize) -> Range<usize> {
        self.first(parent)..self.first(parent + 1)
    }

    /// Position of the repetition's parent.
    pub(crate) fn parent_of(&self, child: usize) -> usize {
        self.first
            .partition_point(|&first| first as usize <= child)
            .saturating_sub(1)
    }
}

/// Sets the bits of the numbers that a column's values have, by parent; `false` if there is one that has no bit.
fn mark(pieces: &mut Pieces<'_>, depth: usize, masks: &mut [u64]) -> bool {
    let mut all = true;
    pieces.read_numbers(depth, |at, number| {
        match (masks.get_mut(at as usize), 1u64.checked_shl(number - 1)) {
            (Some(mask), Some(bit)) => *mask |= bit,
            _ => all = false,
        }
    });
    all
}

/// The repetition of a group: position of the parent, then the number within it.
fn key(at: u32, number: u32) -> u64 {
    u64::from(at) << 32 | u64::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::cell::{Arena, Cell};
    use crate::piece::Piece;

    fn pieces(keys: &'static [(u32, [u32; 2])]) -> Pieces<'static> {
        let pieces = keys
            .iter()
            .map(|(row, index)| Piece::new(*row, index, Cell::Text("v")));
        Pieces::made(pieces.collect())
    }

    fn filled(pieces: &Pieces<'_>, slots: usize) -> Vec<usize> {
        let cells = pieces.settle(slots, "", &mut Arena::default());
        (0..slots).filter(|&slot| !cells[slot].is_null()).collect()
    }

    #[test]
    fn numbers_of_all_columns_are_united_in_order() {
        for high in [9, 64, 65, u32::MAX] {
            let last: &'static [(u32, [u32; 2])] = match high {
                9 => &[(0, [2, 1]), (0, [2, 2]), (2, [9, 1])],
                64 => &[(0, [2, 1]), (0, [2, 2]), (2, [64, 1])],
                65 => &[(0, [2, 1]), (0, [2, 2]), (2, [65, 1])],
                _ => &[(0, [2, 1]), (0, [2, 2]), (2, [u32::MAX, 1])],
            };
            let mut columns = vec![pieces(&[(0, [3, 1]), (0, [1, 1]), (2, [1, 1])]), pieces(last)];
            let node = Node::collect(0, 3, 1, &[0, 1], &mut columns);
            assert_eq!(node.numbers, [1, 2, 3, 1, high]);
            assert_eq!(
                (node.children(0), node.children(1), node.children(2)),
                (0..3, 3..3, 3..5)
            );
            assert_eq!(filled(&columns[0], 5), [0, 2, 3]);
            assert_eq!(filled(&columns[1], 5), [1, 4]);
            assert_eq!(
                (0..5).map(|c| node.parent_of(c)).collect::<Vec<_>>(),
                [0, 0, 0, 2, 2]
            );
        }
    }
}
