//! The one place where duplicate rows are recognised and removed.
//!
//! A row is the sum of the hashes of its values, each made of column, index and text, so the order in which a server
//! writes the members of an object does not matter. 128 bits: two different rows among 10^9 meet with probability 10^-21.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::batch::Batch;
use crate::crack::Cracked;

/// The rows seen so far, by table.
#[derive(Default)]
pub(crate) struct Seen {
    tables: Vec<HashSet<u128, BuildHasherDefault<Hashed>>>,
}

impl Seen {
    /// Removes the rows of a page that equal an earlier one, and counts them.
    pub(crate) fn remove_from_page(&mut self, page: &mut Cracked) {
        for (number, (batch, summary)) in page.batches.iter_mut().zip(&mut page.summary.tables).enumerate() {
            let removed = self.remove_from(batch, number);
            summary.rows -= removed;
            summary.duplicates += removed;
        }
    }

    /// Removes the rows that equal an earlier one and says how many they were.
    pub(crate) fn remove_from(&mut self, batch: &mut Batch, table: usize) -> u64 {
        if self.tables.len() <= table {
            self.tables.resize_with(table + 1, HashSet::default);
        }
        let Some(seen) = self.tables.get_mut(table) else {
            return 0;
        };
        seen.reserve(batch.hashes.len());
        let mut removed = 0;
        let mut keep = Vec::new();
        for (row, &hash) in batch.hashes.iter().enumerate() {
            if !seen.insert(hash) {
                if keep.is_empty() {
                    keep = vec![true; batch.hashes.len()];
                }
                if let Some(keep) = keep.get_mut(row) {
                    *keep = false;
                }
                removed += 1;
            }
        }
        if removed > 0 {
            batch.retain(&keep);
        }
        removed
    }
}

/// Takes a key that is a hash already as it is.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

/// Odd constants with evenly spread bits (fractions of square roots and of pi).
const SEEDS: [u64; 4] = [
    0x9e37_79b9_7f4a_7c15,
    0x2437_54a3_243f_6a89,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
];

/// What a text is hashed to, to be joined with its column and index.
#[derive(Clone, Copy, Default)]
pub(crate) struct TextHash(u64, u64);

impl TextHash {
    #[inline(always)]
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut a = SEEDS[0] ^ text.len() as u64;
        let mut b = SEEDS[1];
        let mut rest = text;
        while let Some((pair, behind)) = rest.split_first_chunk::<16>()
            && !behind.is_empty()
        {
            mix(&mut a, &mut b, *pair);
            rest = behind;
        }
        mix(&mut a, &mut b, last_pair(text, rest));
        Self(a, b)
    }

    /// The hash of a value; a row's hash is the sum of those of its values. `index` stands for the index path.
    #[inline(always)]
    pub(crate) fn of_value(self, column: u64, index: u64) -> u128 {
        let key = column.rotate_left(32) ^ index;
        let low = fold(self.0 ^ SEEDS[3], self.1 ^ SEEDS[0] ^ key);
        let high = fold(
            self.0.rotate_left(32) ^ SEEDS[1] ^ key,
            self.1.wrapping_add(SEEDS[2]),
        );
        u128::from(high) << 64 | u128::from(low)
    }
}

/// What an index path is hashed with.
pub(crate) fn hash_index(index: &[u32]) -> u64 {
    index
        .iter()
        .fold(SEEDS[2], |hash, &number| fold(hash ^ u64::from(number), SEEDS[3]))
}

#[inline(always)]
fn mix(a: &mut u64, b: &mut u64, pair: [u8; 16]) {
    let pair = u128::from_le_bytes(pair);
    let (x, y) = (pair as u64, (pair >> 64) as u64);
    *a = fold(*a ^ x, SEEDS[2] ^ y);
    *b = fold(b.wrapping_add(y), SEEDS[3] ^ x.rotate_left(17)) ^ b.rotate_left(29);
}

/// The last bytes of a text, of which `rest` is left: the last 16 where there are as many, read once more rather than
/// one by one.
#[inline(always)]
fn last_pair(text: &[u8], rest: &[u8]) -> [u8; 16] {
    if let Some(pair) = text.last_chunk::<16>() {
        return *pair;
    }
    let mut pair = [0; 16];
    if let (Some(first), Some(last)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        pair = (u128::from(u64::from_le_bytes(*first)) << 64 | u128::from(u64::from_le_bytes(*last)))
            .to_le_bytes();
    } else if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        pair = (u128::from(u32::from_le_bytes(*first)) << 64 | u128::from(u32::from_le_bytes(*last)))
            .to_le_bytes();
    } else {
        for (place, &byte) in pair.iter_mut().zip(rest) {
            *place = byte;
        }
    }
    pair
}

/// Both halves of the product, folded.
#[inline(always)]
fn fold(x: u64, y: u64) -> u64 {
    let product = u128::from(x) * u128::from(y);
    product as u64 ^ (product >> 64) as u64
}
