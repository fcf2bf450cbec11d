//! Tests of the public interface.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests stop at the first surprise, and a skipped test says so"
)]

mod faults;
mod official;
mod oracle;
mod random;
mod shared;
mod suite;
mod xml;
