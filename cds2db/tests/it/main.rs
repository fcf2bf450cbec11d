//! Integration tests of the workspace's top: one binary for all of them.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

mod adopted;
mod arrows;
mod back_and_forth;
mod backfill;
mod by_export;
mod case_list;
mod chain;
mod configuration;
mod database_tls;
mod demo;
mod describe;
mod foreign;
mod gate;
mod glossary;
mod handed_on;
mod helios;
mod keys;
mod kill;
mod load_elsewhere;
mod mixtures;
mod model;
mod narrowing;
#[path = "../../../cds-hub/tests/it/original.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "what the hub's own tests make of it"
)]
mod original;
mod precision;
mod references;
mod register;
mod release_2_1;
mod retrieval;
mod same_rows;
mod sekmet;
mod select;
mod site;
mod sql;
mod states;
mod ten_days;
mod traps;
mod upgrade;
mod verdict;
mod view;
mod week;
mod whole;
mod wire;
mod work_place;
mod work_secrecy;
