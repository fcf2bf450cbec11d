//! What is asked: searches and the requests they become, what the server can, and what it understood.

pub(crate) mod asked;
pub(crate) mod capability;
pub(crate) mod notes;
pub(crate) mod query;
pub(crate) mod sample;
pub(crate) mod server;
pub(crate) mod target;
