//! How long each stage worked.

use super::stopwatch::Stopwatch;

/// One stopwatch a stage.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) wards: Stopwatch,
    pub(crate) download: Stopwatch,
    pub(crate) store: Stopwatch,
    pub(crate) typed: Stopwatch,
}
