//! The md5 of several texts at once.
//!
//! One md5 is a chain of steps that each wait for the one before, so a processor is mostly idle in it. Texts side by
//! side have independent chains: the compiler makes vector instructions of the loops over lanes, without a line of
//! `unsafe`. The `md5` crate is the slow twin the tests compare with.
//!
//! Source: RFC 1321, <https://www.rfc-editor.org/rfc/rfc1321>.

/// How many texts are hashed side by side.
pub(crate) const LANES: usize = 16;

type Words = [u32; LANES];

/// The integer part of 2^32 times the absolute sine of 1, 2, … 64.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

const BLOCK: usize = 64;

/// The md5 of up to [`LANES`] texts; those beyond are ignored, missing ones count as empty.
pub(crate) fn md5(texts: &[&[u8]]) -> [[u8; 16]; LANES] {
    let lanes: [Lane<'_>; LANES] =
        std::array::from_fn(|lane| Lane::new(texts.get(lane).copied().unwrap_or_default()));
    let blocks = lanes.iter().map(Lane::blocks).max().unwrap_or_default();
    let mut state = START.map(|word| [word; LANES]);
    let mut done = [[0; 16]; LANES];
    for block in 0..blocks {
        let mut words = [[0; LANES]; 16];
        for (number, lane) in lanes.iter().enumerate() {
            let bytes = lane.block(block);
            for (word, four) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
                word[number] = u32::from_le_bytes(*four);
            }
        }
        compress(&mut state, &words);
        for (number, lane) in lanes.iter().enumerate() {
            // A shorter text is done; what its lane goes on to compute is ignored.
            if block + 1 == lane.blocks() {
                for (bytes, word) in done[number].as_chunks_mut::<4>().0.iter_mut().zip(&state) {
                    *bytes = word[number].to_le_bytes();
                }
            }
        }
    }
    done
}

/// A text cut into blocks, the last one or two with the padding.
struct Lane<'a> {
    whole: &'a [[u8; BLOCK]],
    end: [[u8; BLOCK]; 2],
    ends: usize,
}

impl<'a> Lane<'a> {
    fn new(text: &'a [u8]) -> Self {
        let (whole, rest) = text.as_chunks::<BLOCK>();
        let mut end = [[0; BLOCK]; 2];
        end[0][..rest.len()].copy_from_slice(rest);
        end[0][rest.len()] = 0x80;
        // The length in bits needs the last eight bytes of a block.
        let ends = if rest.len() < BLOCK - 8 { 1 } else { 2 };
        let bits = (text.len() as u64).wrapping_mul(8);
        end[ends - 1][BLOCK - 8..].copy_from_slice(&bits.to_le_bytes());
        Self { whole, end, ends }
    }

    fn blocks(&self) -> usize {
        self.whole.len() + self.ends
    }

    fn block(&self, number: usize) -> &[u8; BLOCK] {
        self.whole.get(number).unwrap_or_else(|| {
            // Behind the end any block will do.
            &self.end[number.saturating_sub(self.whole.len()).min(1)]
        })
    }
}

/// One block of every lane.
fn compress(state: &mut [Words; 4], words: &[Words; 16]) {
    let [mut a, mut b, mut c, mut d] = *state;
    macro_rules! round {
        ($number:literal, [$t0:literal, $t1:literal, $t2:literal, $t3:literal], $index:expr, $f:expr) => {
            for step in 0..4 {
                let at = 4 * step;
                let (index, sines) = ($index, &SINES[16 * $number + at..]);
                turn::<$t0>(&mut a, &b, &c, &d, &words[index(at) % 16], sines[0], $f);
                turn::<$t1>(&mut d, &a, &b, &c, &words[index(at + 1) % 16], sines[1], $f);
                turn::<$t2>(&mut c, &d, &a, &b, &words[index(at + 2) % 16], sines[2], $f);
                turn::<$t3>(&mut b, &c, &d, &a, &words[index(at + 3) % 16], sines[3], $f);
            }
        };
    }
    round!(0, [7, 12, 17, 22], |i: usize| i, |x, y, z| (x & y) | (!x & z));
    round!(1, [5, 9, 14, 20], |i: usize| 5 * i + 1, |x, y, z| (z & x)
        | (!z & y));
    round!(2, [4, 11, 16, 23], |i: usize| 3 * i + 5, |x, y, z| x ^ y ^ z);
    round!(3, [6, 10, 15, 21], |i: usize| 7 * i, |x, y, z| y ^ (x | !z));
    for (word, new) in state.iter_mut().zip([a, b, c, d]) {
        for (old, new) in word.iter_mut().zip(new) {
            *old = old.wrapping_add(new);
        }
    }
}

/// One step of every lane.
///
/// A function of its own: inlined, 64 of them are too much for the compiler, which then makes no vectors of any.
#[inline(never)]
fn turn<const LEFT: u32>(
    a: &mut Words,
    b: &Words,
    c: &Words,
    d: &Words,
    word: &Words,
    sine: u32,
    f: impl Fn(u32, u32, u32) -> u32,
) {
    for lane in 0..LANES {
        let sum = a[lane]
            .wrapping_add(f(b[lane], c[lane], d[lane]))
            .wrapping_add(word[lane])
            .wrapping_add(sine);
        a[lane] = b[lane].wrapping_add(sum.rotate_left(LEFT));
    }
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

    use super::*;

    #[test]
    fn lanes_agree_with_the_slow_twin() {
        let text: Vec<u8> = (0..2_000_u32).map(|n| (n * 31 % 251) as u8).collect();
        for len in 0..300 {
            // Lengths that end in different blocks, beside one another.
            let lens: [usize; LANES] = std::array::from_fn(|lane| (len + lane * 37) % (120 * (lane + 1)));
            let texts: Vec<&[u8]> = lens
                .iter()
                .enumerate()
                .map(|(at, len)| &text[at..at + len])
                .collect();
            let found = md5(&texts);
            for (text, found) in texts.iter().zip(found) {
                assert_eq!(found, <[u8; 16]>::from(Md5::digest(text)), "{} bytes", text.len());
            }
        }
    }

    #[test]
    fn fewer_texts_than_lanes_are_hashed_too() {
        assert_eq!(md5(&[b"abc"])[0], <[u8; 16]>::from(Md5::digest(b"abc")));
    }
}
