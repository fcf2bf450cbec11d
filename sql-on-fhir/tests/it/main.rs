//! Tests of the public interface.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests stop at the first surprise, and a skipped test says so"
)]

mod cases;
mod faults;
mod official;
mod oracle;
mod pages;
#[cfg(feature = "sql")]
mod query;
mod random;
mod selects;
#[cfg(feature = "serve")]
mod serve;
mod shared;
mod suite;
mod xml;
