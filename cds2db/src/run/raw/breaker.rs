//! When a server no longer answers, the run ends early with what it has instead of asking for hours.

use crate::{Error, ErrorKind};

/// Searches that fail one after the other before the server counts as gone.
const FAILURES_IN_A_ROW: u32 = 8;

/// Counts searches that failed one after the other.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
}

impl Breaker {
    /// A page arrived or a search ended well.
    pub(crate) fn answered(&mut self) {
        self.failures = 0;
    }

    /// A search failed.
    pub(crate) fn failed(&mut self) {
        self.failures += 1;
    }

    /// Whether nothing more is asked.
    pub(crate) fn is_open(&self) -> bool {
        self.failures >= FAILURES_IN_A_ROW
    }

    /// Why the searches left were not asked.
    pub(crate) fn reason(&self) -> Error {
        let text = format!("not asked: the server failed {} times in a row", self.failures);
        Error::new(ErrorKind::Search, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_between_failures_keeps_it_closed() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_IN_A_ROW - 1 {
            breaker.failed();
        }
        breaker.answered();
        breaker.failed();
        assert!(!breaker.is_open());
        for _ in 0..FAILURES_IN_A_ROW {
            breaker.failed();
        }
        assert!(breaker.is_open() && breaker.reason().to_string().contains("in a row"));
    }
}
