//! Integration tests of the workspace's top: one binary for all of them.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

mod arrows;
mod backfill;
mod case_list;
mod configuration;
mod demo;
mod describe;
mod gate;
mod helios;
mod kill;
mod load_elsewhere;
mod model;
mod narrowing;
mod references;
mod retrieval;
mod same_rows;
mod select;
mod site;
mod sql;
mod ten_days;
mod traps;
mod work_place;
mod work_secrecy;
