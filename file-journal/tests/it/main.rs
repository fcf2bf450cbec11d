//! The journal from outside: the recorded scenario, submissions, locks, restores, checks and kills.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

mod checks;
#[cfg(feature = "cloud")]
mod cloud;
mod kills;
mod locks;
mod recorded;
mod site;
mod stores;
mod tool;
