//! Tests on a real, private PostgreSQL. One binary; each module has one noun.

mod clock;
mod plan;
mod program;
mod server;
mod settings;
mod shipped_config;
mod sql_table;
mod stay;
mod ward_list;
