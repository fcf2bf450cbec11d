//! Tests on a real, private PostgreSQL. One binary; each module has one noun.
#![expect(clippy::unwrap_used, reason = "a test stops where something is amiss")]

mod clock;
mod clock_values;
mod delivery;
mod plan;
mod program;
mod references;
mod role;
mod server;
mod settings;
mod shipped_config;
mod sql_table;
mod stay;
mod ward_list;
mod ward_list_values;
