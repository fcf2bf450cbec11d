//! Tests on a real, private PostgreSQL. One binary; each module has one noun.

mod cluster;
mod schema;
mod server;
