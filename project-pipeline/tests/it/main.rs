//! Tests of the crate as its users see it.
#![expect(
    clippy::expect_used,
    reason = "tests stop at the first surprise, their helpers too, and say what they skip"
)]

mod bubblewrap;
mod example_study;
mod hostile_jobs;
mod kills;
mod large_project;
mod limits;
mod oracle;
mod plans_against_original;
mod random;
mod recorded_manifest;
mod recorded_verdicts;
mod releases;
mod seed_project;
mod shared;
mod stale_outputs;
mod verdicts_against_original;
mod workspace;
