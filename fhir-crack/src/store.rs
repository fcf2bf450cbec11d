use std::fmt;

use crate::duplicates::hash_index;
use crate::limits::Limits;

/// One value of a cell: its text and which repetition it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Index path, one number per path segment counted from 1; empty for a value without an index.
    pub index: &'a [u32],
    /// The value as it stood in the resource.
    pub text: &'a str,
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("index", &self.index)
            .field("bytes", &self.text.len())
            .finish()
    }
}

/// Where an entry's text and index are, in 16 bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) row: u32,
    /// Position in the page's text, or with [`ARENA`] set in the arena.
    pub(crate) start: u32,
    pub(crate) len: u32,
    /// Position of the index in `numbers`.
    pub(crate) index: u32,
}

/// The bit of [`Span::start`] that says the text had to be unescaped.
pub(crate) const ARENA: u32 = 1 << 31;

/// What the batches of one chunk of a page share: its text, the unescaped values and the index numbers.
pub(crate) struct Store {
    /// The page as it came, validated once.
    pub(crate) text: String,
    /// Values that do not stand in the page as they are.
    pub(crate) arena: String,
    /// Index paths, each led by its length.
    numbers: Vec<u32>,
}

/// The longest index path of ones that stands ready in every store.
const READY: usize = Limits::PATH_SEGMENTS;

/// Positions below this are those of paths of ones.
pub(crate) const READY_END: u32 = ((READY + 1) * (READY + 2) / 2) as u32;

impl Default for Store {
    fn default() -> Self {
        let mut numbers = Vec::with_capacity(1024);
        for depth in 0..=READY {
            numbers.push(depth as u32);
            numbers.extend(std::iter::repeat_n(1, depth));
        }
        Self {
            text: String::new(),
            arena: String::new(),
            numbers,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("text_bytes", &self.text.len())
            .field("arena_bytes", &self.arena.len())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Position of a path of ones.
    #[inline(always)]
    pub(crate) fn ones(depth: u32) -> u32 {
        depth * (depth + 1) / 2
    }

    /// Position of an index path, kept once where it equals the path kept last.
    pub(crate) fn index(&mut self, index: &[u32], last: &mut u32) -> u32 {
        if index.len() <= READY && index.iter().all(|&number| number == 1) {
            return Self::ones(index.len() as u32);
        }
        self.other_index(index, last)
    }

    /// Position of an index path that is not of ones alone.
    pub(crate) fn other_index(&mut self, index: &[u32], last: &mut u32) -> u32 {
        if self.numbers_at(*last) != index {
            *last = self.numbers.len() as u32;
            self.numbers.push(index.len() as u32);
            self.numbers.extend_from_slice(index);
        }
        *last
    }

    /// What the index path at a position is hashed with. The paths of ones stand at the same place in every store.
    #[inline]
    pub(crate) fn index_hash(&self, position: u32) -> u64 {
        if position < READY_END {
            return u64::from(position);
        }
        hash_index(self.numbers_at(position))
    }

    #[inline]
    pub(crate) fn numbers_at(&self, position: u32) -> &[u32] {
        let position = position as usize;
        let depth = self.numbers.get(position).map_or(0, |&d| d as usize);
        self.numbers
            .get(position + 1..position + 1 + depth)
            .unwrap_or_default()
    }

    /// Appends to the arena and says where.
    pub(crate) fn keep(&mut self, text: &str) -> u32 {
        let start = self.arena.len() as u32 | ARENA;
        self.arena.push_str(text);
        start
    }

    /// The text of a value.
    #[inline]
    pub(crate) fn text_of(&self, span: &Span) -> &str {
        let (text, start) = if span.start & ARENA == 0 {
            (&self.text, span.start)
        } else {
            (&self.arena, span.start & !ARENA)
        };
        let start = start as usize;
        text.get(start..start + span.len as usize).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn entry(&self, span: &Span) -> Entry<'_> {
        Entry {
            index: self.numbers_at(span.index),
            text: self.text_of(span),
        }
    }

    /// Where arena and numbers end now, for [`Store::truncate`].
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.arena.len(), self.numbers.len())
    }

    /// Forgets what was kept since the mark.
    pub(crate) fn truncate(&mut self, (arena, numbers): (usize, usize)) {
        self.arena.truncate(arena);
        self.numbers.truncate(numbers);
    }
}
