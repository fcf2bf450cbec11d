use crate::record::Job;

/// Who watches a run.
pub trait Progress {
    /// A job changed, or time went by; `jobs` are all of the request.
    fn show(&mut self, jobs: &[Job], now: i64);
    /// Something should be known.
    fn warn(&mut self, message: &str);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn show(&mut self, _jobs: &[Job], _now: i64) {}
    fn warn(&mut self, _message: &str) {}
}
