//! Tests on a real, private PostgreSQL. One binary; each module has one noun.

mod clock;
mod server;
mod settings;
mod stay;
