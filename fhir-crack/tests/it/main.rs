//! Tests of the public interface.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests stop at the first surprise, and a skipped test says so"
)]

mod batches;
mod envelopes;
#[cfg(feature = "polars")]
mod frames;
mod hostile;
mod inputs;
mod json_pages;
mod layouts;
mod notation_laws;
mod outlines;
mod real_pairs;
mod recovery;
mod repairs;
mod same_rows;
mod simple_json;
mod slow;
mod tables;
mod xml_pages;
