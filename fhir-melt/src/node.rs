use std::ops::Range;

use crate::piece::Piece;

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

    /// Collects the repetitions of a group of this depth from the columns below it and moves their pieces there.
    pub(crate) fn collect(
        parent: usize,
        parents: usize,
        depth: usize,
        columns: &[usize],
        pieces: &mut [Vec<Piece<'_>>],
    ) -> Self {
        let mut present: Vec<u64> = Vec::new();
        let mut keys: Vec<u64> = Vec::new();
        let mut spare: Vec<u64> = Vec::new();
        for &column in columns {
            keys.clear();
            let mut sorted = true;
            for piece in &pieces[column] {
                let key = piece.key(depth);
                match keys.last() {
                    Some(&last) if last == key => {}
                    last => {
                        sorted &= last.is_none_or(|&last| last < key);
                        keys.push(key);
                    }
                }
            }
            if !sorted {
                keys.sort_unstable();
                keys.dedup();
            }
            unite(&mut present, &keys, &mut spare);
        }
        for &column in columns {
            place(&mut pieces[column], depth, &present);
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

/// Adds the keys that are missing; both lists ascend.
fn unite(present: &mut Vec<u64>, keys: &[u64], spare: &mut Vec<u64>) {
    if present.is_empty() {
        present.extend_from_slice(keys);
        return;
    }
    let mut at = 0;
    let known = keys.iter().all(|&key| {
        while present.get(at).is_some_and(|&p| p < key) {
            at += 1;
        }
        present.get(at) == Some(&key)
    });
    if known {
        return;
    }
    spare.clear();
    let mut left = present.iter().copied().peekable();
    for &key in keys {
        while let Some(smaller) = left.next_if(|&p| p < key) {
            spare.push(smaller);
        }
        left.next_if_eq(&key);
        spare.push(key);
    }
    spare.extend(left);
    std::mem::swap(present, spare);
}

/// Tells every piece the position of its repetition.
fn place(pieces: &mut [Piece<'_>], depth: usize, present: &[u64]) {
    let mut at = 0;
    for piece in pieces {
        let key = piece.key(depth);
        if present.get(at).is_none_or(|&p| p > key) {
            at = present.partition_point(|&p| p < key);
        }
        while present.get(at).is_some_and(|&p| p < key) {
            at += 1;
        }
        piece.at = at as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(keys: &'static [(u32, [u32; 2])]) -> Vec<Piece<'static>> {
        keys.iter()
            .map(|(row, index)| Piece::new(*row, index, crate::cell::Cell::NULL))
            .collect()
    }

    #[test]
    fn numbers_of_all_columns_are_united_in_order() {
        let mut columns = vec![
            pieces(&[(0, [3, 1]), (0, [1, 1]), (2, [1, 1])]),
            pieces(&[(0, [2, 1]), (0, [2, 2]), (2, [9, 1])]),
        ];
        let node = Node::collect(0, 3, 1, &[0, 1], &mut columns);
        assert_eq!(node.numbers, [1, 2, 3, 1, 9]);
        assert_eq!(
            (node.children(0), node.children(1), node.children(2)),
            (0..3, 3..3, 3..5)
        );
        assert_eq!(columns[0].iter().map(|p| p.at).collect::<Vec<_>>(), [2, 0, 3]);
        assert_eq!(
            (0..5).map(|c| node.parent_of(c)).collect::<Vec<_>>(),
            [0, 0, 0, 2, 2]
        );
    }
}
