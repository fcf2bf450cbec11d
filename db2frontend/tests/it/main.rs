//! Tests on real parts: a private PostgreSQL, a server with REDCap's interface, the dataprocessor. One binary; each module has
//! one noun.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where something is amiss"
)]

mod chain;
mod conflicts;
mod description;
mod exchange;
mod faults;
mod files;
mod hospital;
mod kill;
mod phase_b;
mod project;
mod pycap;
mod round_trip;
mod serve;
mod server;
mod size;
