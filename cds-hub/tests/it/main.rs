//! Tests on a real, private PostgreSQL. One binary; each module has one noun.

mod adopt;
mod cluster;
mod fault;
mod foreign;
mod lineage;
mod load;
mod migrate;
mod operator;
mod original;
mod schema;
mod security;
mod semaphore;
mod serve;
mod server;
mod sql;
