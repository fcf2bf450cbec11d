use super::DefectKind;

/// Why a text that no parser took is refused, before its grammar is looked at: empty, or several values in one cell.
/// `None` leaves the answer to the type.
pub(super) fn refusal(trimmed: &str) -> Option<DefectKind> {
    if trimmed.is_empty() {
        Some(DefectKind::Empty)
    } else if trimmed.contains(" ~ ") {
        Some(DefectKind::SeveralValues)
    } else {
        None
    }
}

/// A cursor over the bytes of one value.
pub(super) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.as_bytes(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn peek_digit(&self) -> bool {
        self.peek().is_some_and(|b| b.is_ascii_digit())
    }

    /// Takes one byte if it is among `any`.
    pub(super) fn eat(&mut self, any: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        if any.contains(first) {
            self.rest = rest;
            Some(*first)
        } else {
            None
        }
    }

    /// Takes between `min` and `max` digits, as many as there are; at most nine, so that the number fits.
    pub(super) fn number(&mut self, min: usize, max: usize) -> Option<u32> {
        let run = self
            .rest
            .iter()
            .take(max.min(9))
            .take_while(|b| b.is_ascii_digit())
            .count();
        if run < min {
            return None;
        }
        let (digits, rest) = self.rest.split_at_checked(run)?;
        self.rest = rest;
        Some(digits.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')))
    }

    /// Takes the digits of a fraction of a second as microseconds; digits after the sixth are dropped.
    pub(super) fn micros(&mut self) -> u32 {
        let (micros, rest) = micros(self.rest);
        self.rest = rest;
        micros
    }
}

/// Microseconds of a run of fraction digits, and what follows the run; digits after the sixth are dropped.
pub(super) fn micros(bytes: &[u8]) -> (u32, &[u8]) {
    let mut micros = 0;
    let mut unit = 100_000;
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        if !b.is_ascii_digit() {
            break;
        }
        micros += u32::from(b - b'0') * unit;
        unit /= 10;
        rest = tail;
    }
    (micros, rest)
}
