//! Slows down who guesses passwords.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many failures are free.
const FREE: u32 = 5;
/// Names remembered; more are a flood, and then all wait.
const NAMES: usize = 10_000;
/// After so long without a failure all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);

/// Failed log-ins by name.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<String, (u32, Instant)>>);

impl Attempts {
    /// How long this name must wait before it may try again; zero where it may now.
    pub fn wait(&self, name: &str) -> Duration {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= NAMES && !failed.contains_key(name) {
            return Duration::from_secs(60);
        }
        let Some((times, last)) = failed.get(name) else {
            return Duration::ZERO;
        };
        if *times < FREE {
            return Duration::ZERO;
        }
        // 2, 4, 8 … seconds, at most five minutes.
        let pause = Duration::from_secs(2_u64 << (times - FREE).min(8)).min(Duration::from_secs(300));
        pause.saturating_sub(last.elapsed())
    }

    /// A log-in failed.
    pub fn failed(&self, name: &str) {
        let now = Instant::now();
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, (_, last)| now.duration_since(*last) < FORGOTTEN);
        if failed.len() < NAMES || failed.contains_key(name) {
            let entry = failed.entry(name.to_owned()).or_insert((0, now));
            *entry = (entry.0.saturating_add(1), now);
        }
    }

    /// A log-in succeeded.
    pub fn succeeded(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_are_free_and_more_take_time() {
        let attempts = Attempts::default();
        (0..4).for_each(|_| attempts.failed("anna"));
        assert_eq!(attempts.wait("anna"), Duration::ZERO);
        attempts.failed("anna");
        assert!(attempts.wait("anna") > Duration::from_millis(1500));
        assert_eq!(attempts.wait("bert"), Duration::ZERO);
        (0..40).for_each(|_| attempts.failed("anna"));
        let longest = attempts.wait("anna");
        assert!(longest > Duration::from_secs(290) && longest <= Duration::from_secs(300));
        attempts.succeeded("anna");
        assert_eq!(attempts.wait("anna"), Duration::ZERO);
    }
}
