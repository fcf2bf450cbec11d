//! Tests on a real, private PostgreSQL. One binary; each module has one noun.

mod cluster;
mod foreign;
mod migrate;
mod schema;
mod security;
mod server;
mod sql;
