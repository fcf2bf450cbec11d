//! Bytes compared sixteen or sixty-four at a time: a bit for each that is looked for, the lowest for the first.
//!
//! On x86-64 with its baseline vector instructions; elsewhere byte by byte, which is also what the tests compare with.

#[cfg(not(target_arch = "x86_64"))]
use portable as bits;
#[cfg(target_arch = "x86_64")]
use vector as bits;

/// The bytes that end or escape a JSON string: quotes and backslashes.
#[inline(always)]
pub(crate) fn quotes(chunk: &[u8; 16]) -> u32 {
    bits::of(chunk, b'"') | bits::of(chunk, b'\\')
}

/// The bytes of an XML attribute that end it or cannot be taken as they stand: a quote, a reference, a `<`, controls.
#[inline(always)]
pub(crate) fn special(chunk: &[u8; 16]) -> u32 {
    bits::of(chunk, b'"') | bits::of(chunk, b'&') | bits::of(chunk, b'<') | bits::controls(chunk)
}

/// The bytes equal to those at the same place.
#[inline(always)]
pub(crate) fn equal(chunk: &[u8; 16], other: &[u8; 16]) -> u32 {
    bits::equal(chunk, other)
}

/// What 64 bytes of JSON are made of.
pub(crate) struct Json {
    pub(crate) quotes: u64,
    pub(crate) backslashes: u64,
    /// Opening brackets and braces.
    pub(crate) opening: u64,
    /// Closing brackets and braces.
    pub(crate) closing: u64,
}

impl Json {
    #[inline(always)]
    pub(crate) fn of(block: &[u8; 64]) -> Self {
        let mut json = Self {
            quotes: 0,
            backslashes: 0,
            opening: 0,
            closing: 0,
        };
        for (number, chunk) in block.as_chunks::<16>().0.iter().enumerate() {
            let put = |bits: u32| u64::from(bits) << (16 * number);
            json.quotes |= put(bits::of(chunk, b'"'));
            json.backslashes |= put(bits::of(chunk, b'\\'));
            // A bracket and a brace differ in one bit, which no other character has them differ in.
            json.opening |= put(bits::of_lower(chunk, b'{'));
            json.closing |= put(bits::of_lower(chunk, b'}'));
        }
        json
    }

    /// The bytes inside of strings, opening quotes counted and closing ones not, if the first byte is outside.
    #[inline(always)]
    pub(crate) fn strings(quotes: u64) -> u64 {
        let mut inside = quotes;
        for distance in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << distance;
        }
        inside
    }
}

/// What 64 bytes of XML are made of.
pub(crate) struct Xml {
    /// Where tags, comments and instructions begin.
    pub(crate) less: u64,
    pub(crate) greater: u64,
    pub(crate) quotes: u64,
    pub(crate) apostrophes: u64,
}

impl Xml {
    #[inline(always)]
    pub(crate) fn of(block: &[u8; 64]) -> Self {
        let mut xml = Self {
            less: 0,
            greater: 0,
            quotes: 0,
            apostrophes: 0,
        };
        for (number, chunk) in block.as_chunks::<16>().0.iter().enumerate() {
            let put = |byte: u8| u64::from(bits::of(chunk, byte)) << (16 * number);
            xml.less |= put(b'<');
            xml.greater |= put(b'>');
            xml.quotes |= put(b'"');
            xml.apostrophes |= put(b'\'');
        }
        xml
    }

    /// Looks for the end of a start tag from a place in it on.
    #[inline(always)]
    pub(crate) fn tag_end(&self, from: u32, in_value: bool) -> TagEnd {
        let behind = u64::MAX << from;
        let end = (self.greater & behind).trailing_zeros();
        let tag = behind & 1_u64.checked_shl(end).map_or(u64::MAX, |bit| bit - 1);
        let in_value = in_value ^ ((self.quotes & tag).count_ones() % 2 == 1);
        match end {
            _ if self.apostrophes & tag != 0 => TagEnd::Unclear,
            64 => TagEnd::Behind { in_value },
            _ if in_value => TagEnd::Unclear,
            _ => TagEnd::At(end),
        }
    }
}

/// Where a start tag ends, as far as 64 bytes tell it.
pub(crate) enum TagEnd {
    /// At this place.
    At(u32),
    /// Not in these bytes; whether the last of them is inside of a value.
    Behind { in_value: bool },
    /// There are apostrophes, or a `>` in a value.
    Unclear,
}

/// Vector instructions by name: no pointers, no memory but the arguments.
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "every x86-64 processor has these instructions, but the compiler wants it said"
)]
mod vector {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };

    #[inline(always)]
    fn load(chunk: &[u8; 16]) -> __m128i {
        let both = u128::from_le_bytes(*chunk);
        // SAFETY: SSE2 belongs to every x86-64 processor.
        unsafe { _mm_set_epi64x((both >> 64) as i64, both as i64) }
    }

    #[inline(always)]
    fn all(byte: u8) -> __m128i {
        // SAFETY: SSE2 belongs to every x86-64 processor.
        unsafe { _mm_set1_epi8(byte.cast_signed()) }
    }

    #[inline(always)]
    fn equals(a: __m128i, b: __m128i) -> u32 {
        // SAFETY: SSE2 belongs to every x86-64 processor.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)).cast_unsigned() }
    }

    #[inline(always)]
    pub(super) fn of(chunk: &[u8; 16], byte: u8) -> u32 {
        equals(load(chunk), all(byte))
    }

    #[inline(always)]
    pub(super) fn of_lower(chunk: &[u8; 16], byte: u8) -> u32 {
        // SAFETY: SSE2 belongs to every x86-64 processor.
        equals(unsafe { _mm_or_si128(load(chunk), all(0x20)) }, all(byte))
    }

    #[inline(always)]
    pub(super) fn controls(chunk: &[u8; 16]) -> u32 {
        let chunk = load(chunk);
        // SAFETY: SSE2 belongs to every x86-64 processor.
        equals(unsafe { _mm_min_epu8(chunk, all(0x1f)) }, chunk)
    }

    #[inline(always)]
    pub(super) fn equal(chunk: &[u8; 16], other: &[u8; 16]) -> u32 {
        equals(load(chunk), load(other))
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    fn bits(is: impl Iterator<Item = bool>) -> u32 {
        is.enumerate()
            .fold(0, |bits, (place, is)| bits | u32::from(is) << place)
    }

    pub(super) fn of(chunk: &[u8; 16], byte: u8) -> u32 {
        bits(chunk.iter().map(|b| *b == byte))
    }

    pub(super) fn of_lower(chunk: &[u8; 16], byte: u8) -> u32 {
        bits(chunk.iter().map(|b| b | 0x20 == byte))
    }

    pub(super) fn controls(chunk: &[u8; 16]) -> u32 {
        bits(chunk.iter().map(|b| *b < 0x20))
    }

    pub(super) fn equal(chunk: &[u8; 16], other: &[u8; 16]) -> u32 {
        bits(chunk.iter().zip(other).map(|(a, b)| a == b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_say_what_single_bytes_say() {
        let text = br#"{"a":["b\"",12,{}],"Z[]":"x&y<z>"}"#;
        let mut chunks = vec![[0; 16], [0xff; 16], *b"[{]}[{]}\"\\\"\\&<>'"];
        chunks.extend(text.windows(16).filter_map(|w| <[u8; 16]>::try_from(w).ok()));
        chunks.extend((0..=255_u8).map(|byte| std::array::from_fn(|place| byte.wrapping_add(place as u8))));
        for chunk in &chunks {
            for byte in [b'"', b'\\', b'{', b'}', b'&', 0, 0xff] {
                assert_eq!(bits::of(chunk, byte), portable::of(chunk, byte));
                assert_eq!(bits::of_lower(chunk, byte), portable::of_lower(chunk, byte));
            }
            assert_eq!(bits::controls(chunk), portable::controls(chunk));
            assert_eq!(bits::equal(chunk, &chunks[2]), portable::equal(chunk, &chunks[2]));
        }
    }

    #[test]
    fn brackets_and_braces_are_told_from_every_other_byte() {
        for byte in 0..=255_u8 {
            let json = Json::of(&[byte; 64]);
            assert_eq!(
                json.opening,
                if matches!(byte, b'{' | b'[') { u64::MAX } else { 0 }
            );
            assert_eq!(
                json.closing,
                if matches!(byte, b'}' | b']') { u64::MAX } else { 0 }
            );
        }
    }

    #[test]
    fn strings_begin_and_end_at_quotes() {
        assert_eq!(Json::strings(0b101_0001_0010), 0b011_0000_1110);
        assert_eq!(Json::strings(1 << 62), 0b11 << 62);
    }
}
