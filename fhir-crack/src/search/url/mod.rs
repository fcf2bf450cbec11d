//! Addresses: where the server is, what its links mean, how texts are written into them.

pub(crate) mod encoding;
pub(crate) mod endpoint;
pub(crate) mod link;
