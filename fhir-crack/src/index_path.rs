use crate::limits::Limits;

/// The repetition at every level of the path a walk is at, counted from 1.
pub(crate) struct IndexPath {
    numbers: [u32; Limits::PATH_SEGMENTS],
    /// A bit for every level whose number is not 1: nearly all paths are paths of ones.
    repeated: u64,
}

impl IndexPath {
    pub(crate) fn new() -> Self {
        Self {
            numbers: [1; Limits::PATH_SEGMENTS],
            repeated: 0,
        }
    }

    /// Sets the repetition at a level, counted from 0.
    #[inline(always)]
    pub(crate) fn set(&mut self, level: usize, repetition: u32) {
        if let Some(number) = self.numbers.get_mut(level) {
            *number = repetition;
            let bit = 1 << level;
            self.repeated = if repetition == 1 {
                self.repeated & !bit
            } else {
                self.repeated | bit
            };
        }
    }

    /// Whether the first `depth` numbers are all 1.
    #[inline(always)]
    pub(crate) fn is_ones(&self, depth: u32) -> bool {
        self.repeated & ((1 << depth) - 1) == 0
    }

    /// The number of the last of `depth` levels.
    #[inline(always)]
    pub(crate) fn last(&self, depth: u32) -> u32 {
        self.numbers
            .get((depth as usize).wrapping_sub(1))
            .copied()
            .unwrap_or(1)
    }

    /// The first `depth` numbers.
    #[inline(always)]
    pub(crate) fn to(&self, depth: u32) -> &[u32] {
        self.numbers.get(..depth as usize).unwrap_or_default()
    }
}
