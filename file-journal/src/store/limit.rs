//! A limit of bytes a second, shared by all that send at the same time.

use std::io::{self, Read};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A limit of bytes a second over several readers.
pub(crate) struct Limit {
    per_second: Option<u64>,
    free_at: Mutex<Instant>,
}

impl Limit {
    pub(crate) fn new(per_second: Option<u64>) -> Self {
        Self {
            per_second,
            free_at: Mutex::new(Instant::now()),
        }
    }

    /// A reader that keeps to the limit and reports what went through it.
    pub(crate) fn over<'l, R: Read>(&'l self, source: R, each: &'l (dyn Fn(u64) + Sync)) -> Limited<'l, R> {
        Limited {
            limit: self,
            source,
            each,
        }
    }

    fn wait(&self, bytes: usize) {
        let Some(per_second) = self.per_second else { return };
        let time = Duration::from_secs_f64(bytes as f64 / per_second as f64);
        let until = {
            let mut free_at = self
                .free_at
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            *free_at = (*free_at).max(Instant::now()) + time;
            *free_at
        };
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

/// A reader under a limit.
pub(crate) struct Limited<'l, R> {
    limit: &'l Limit,
    source: R,
    each: &'l (dyn Fn(u64) + Sync),
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = match self.limit.per_second {
            Some(_) => into.len().min(64 * 1024),
            None => into.len(),
        };
        let read = self.source.read(&mut into[..most])?;
        self.limit.wait(read);
        (self.each)(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_readers_share_the_limit() {
        let limit = Limit::new(Some(1_000_000));
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let nothing = |_| {};
                    io::copy(
                        &mut limit.over(io::repeat(1).take(100_000), &nothing),
                        &mut io::sink(),
                    )
                    .unwrap();
                });
            }
        });
        assert!(
            begun.elapsed() >= Duration::from_millis(190),
            "{:?}",
            begun.elapsed()
        );
    }
}
