/// Draws `n` of the items without replacement, as R's `set.seed(seed); sample(items, n)` does (Mersenne-Twister with
/// rejection sampling, the default since R 3.6); `None` where there are fewer than `n`.
///
/// R's way is followed so that a sample drawn with the reference package can be drawn again.
pub(crate) fn sample<T>(mut items: Vec<T>, n: usize, seed: u32) -> Option<Vec<T>> {
    if n > items.len() {
        return None;
    }
    let mut twister = Twister::seeded(seed);
    Some(
        (0..n)
            .map(|_| items.swap_remove(twister.below(items.len())))
            .collect(),
    )
}

const N: usize = 624;
const M: usize = 397;

struct Twister {
    state: [u32; N],
    at: usize,
}

impl Twister {
    fn seeded(seed: u32) -> Twister {
        // R stirs the seed 50 times and fills one word more than the state, which holds its position
        let next = |word: u32| word.wrapping_mul(69069).wrapping_add(1);
        let mut word = (0..51).fold(seed, |word, _| next(word));
        let state = std::array::from_fn(|_| {
            word = next(word);
            word
        });
        Twister { state, at: N }
    }

    fn word(&mut self) -> u32 {
        if self.at == N {
            self.turn();
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C_5680;
        word ^= (word << 15) & 0xEFC6_0000;
        word ^ (word >> 18)
    }

    fn turn(&mut self) {
        for at in 0..N {
            let mixed = (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % N] & 0x7FFF_FFFF);
            let twist = if mixed & 1 == 1 { 0x9908_B0DF } else { 0 };
            self.state[at] = self.state[(at + M) % N] ^ (mixed >> 1) ^ twist;
        }
        self.at = 0;
    }

    /// A number below `bound`: as many random bits as the bound has, drawn again until they fit.
    fn below(&mut self, bound: usize) -> usize {
        if bound < 2 {
            return 0;
        }
        let bits = usize::BITS - (bound - 1).leading_zeros();
        loop {
            let mut value = 0usize;
            let mut drawn = 0;
            while drawn <= bits {
                value = (value << 16) | (self.word() >> 16) as usize;
                drawn += 16;
            }
            if bits < usize::BITS {
                value &= (1 << bits) - 1;
            }
            if value < bound {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sample;

    #[test]
    fn draws_as_r_does() {
        let letters: Vec<char> = ('a'..='z').collect();
        assert_eq!(
            sample(letters.clone(), 5, 1).expect("sample"),
            ['y', 'd', 'g', 'a', 'b']
        );
        assert_eq!(
            sample((1..=10).collect(), 10, 42).expect("sample"),
            [1, 5, 10, 8, 2, 4, 6, 9, 7, 3]
        );
        assert_eq!(
            sample((1..=100).collect(), 5, 123).expect("sample"),
            [31, 79, 51, 14, 67]
        );
        assert!(sample(letters, 27, 1).is_none());
        assert_eq!(sample(vec!['x'], 1, 1).expect("one"), ['x']);
    }
}
