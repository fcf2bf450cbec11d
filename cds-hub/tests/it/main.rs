//! Tests on a real, private PostgreSQL. One binary; each module has one noun.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise, their helpers too, and say what they skip and measure"
)]

mod adopt;
mod cluster;
mod complaints;
mod db_log;
mod definitions;
mod dropped;
mod fault;
mod first_rows;
mod foreign;
mod forgery;
mod inventory;
mod lineage;
mod load;
mod load_refused;
mod migrate;
mod modules;
mod newest_rows;
mod operator;
mod original;
mod parts;
mod r_modules;
mod rights;
mod schema;
mod security;
mod seen;
mod semaphore;
mod semaphore_lost;
mod serve;
mod server;
mod spread;
mod sql;
mod test_database;
mod tls;
mod versions;
mod watched;
mod web;
