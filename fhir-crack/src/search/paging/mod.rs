//! From the first page of a search to its end, in memory or over a spool, once more where that was not everything.

pub(crate) mod driver;
pub(crate) mod outlet;
pub(crate) mod pages;
pub(crate) mod part;
pub(crate) mod pass;
pub(crate) mod replay;
pub(crate) mod requests;
pub(crate) mod spool;
pub(crate) mod task;
