//! Integration tests of fhir-melt: recorded outputs of the reference implementation, and laws.

#![expect(clippy::expect_used, reason = "a test ends where it cannot go on")]

#[cfg(feature = "arrow")]
mod arrow;
mod codings;
mod examples;
mod flatten;
#[cfg(feature = "polars")]
mod frame;
mod golden_melt;
mod laws;
mod shared;
mod threads;
mod vectors;
