//! One request and its answer on the wire: connections, limits, retries, bodies.

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod download;
pub(crate) mod lanes;
pub(crate) mod retry;
pub(crate) mod tls;
pub(crate) mod transport;
