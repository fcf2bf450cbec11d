//! The one place where duplicate rows are recognised and removed.
//!
//! A row is the sum of the hashes of its values, each made of column, index and text, so the order in which a server
//! writes the members of an object does not matter. 128 bits: two different rows among 10^9 meet with probability 10^-21.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::batch::Batch;

/// The rows seen so far, by table.
#[derive(Default)]
pub(crate) struct Seen {
    tables: Vec<HashSet<u128, BuildHasherDefault<Hashed>>>,
}

impl Seen {
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

/// The hash of one value; a row's hash is the sum of those of its values.
pub(crate) fn hash_value(column: u64, index: &[u32], text: &[u8]) -> u128 {
    let mut a = SEEDS[0] ^ column.rotate_left(32) ^ text.len() as u64;
    let mut b = SEEDS[1] ^ index.len() as u64;
    for &number in index {
        a = fold(a ^ u64::from(number), SEEDS[2]);
        b = b
            .rotate_left(23)
            .wrapping_add(u64::from(number).wrapping_mul(SEEDS[3]));
    }
    let mut words = text.chunks_exact(16);
    for pair in &mut words {
        let (x, y) = pair.split_at(8);
        mix(&mut a, &mut b, word(x), word(y));
    }
    let rest = words.remainder();
    let (x, y) = rest.split_at(rest.len().min(8));
    mix(&mut a, &mut b, word(x), word(y));
    let low = fold(a ^ SEEDS[3], b ^ SEEDS[0]);
    let high = fold(a.rotate_left(32) ^ SEEDS[1], b.wrapping_add(SEEDS[2]));
    u128::from(high) << 64 | u128::from(low)
}

fn mix(a: &mut u64, b: &mut u64, x: u64, y: u64) {
    *a = fold(*a ^ x, SEEDS[2] ^ y);
    *b = fold(b.wrapping_add(y), SEEDS[3] ^ x.rotate_left(17)) ^ b.rotate_left(29);
}

/// Up to eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    if let Ok(bytes) = bytes.try_into() {
        return u64::from_le_bytes(bytes);
    }
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Both halves of the product, folded.
fn fold(x: u64, y: u64) -> u64 {
    let product = u128::from(x) * u128::from(y);
    product as u64 ^ (product >> 64) as u64
}
