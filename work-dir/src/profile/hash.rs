//! A fast hash of cells: multiply and fold, eight bytes at a time. Not for keys that an adversary chooses; a profile
//! takes two values for one in some 10^8 tables of five million rows.

use std::hash::{BuildHasherDefault, Hasher};

const A: u64 = 0x9e37_79b9_7f4a_7c15;
const B: u64 = 0xd6e8_feb8_6659_fd93;

/// Mixes two words to one.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ A) * u128::from(b ^ B);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded")]
    let folded = product as u64 ^ (product >> 64) as u64;
    folded
}

/// The hash of a text.
pub(crate) fn text(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(mix(hash, u64::from_le_bytes(last)), A)
}

/// The hash of a text, the same in every run of the program.
pub(crate) fn of(text: &str) -> u64 {
    self::text(text.as_bytes())
}

/// Takes a hash for itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0, text(bytes));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Maps keyed by a hash.
pub(crate) type ByHash<V> = std::collections::HashMap<u64, V, BuildHasherDefault<Itself>>;
/// Sets of hashes.
pub(crate) type Hashes = std::collections::HashSet<u64, BuildHasherDefault<Itself>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_differ() {
        let mut seen = Hashes::default();
        for i in 0..200_000_u32 {
            assert!(seen.insert(text(i.to_string().as_bytes())), "{i}");
        }
        assert!(seen.insert(text(b"")) && seen.insert(text(b"\0")) && seen.insert(text(b"\0\0")));
    }
}
