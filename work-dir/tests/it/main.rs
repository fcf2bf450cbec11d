//! The crate as its callers use it.
#![cfg_attr(
    feature = "polars",
    expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test that cannot go on fails, and one that is skipped says so"
    )
)]

#[cfg(feature = "polars")]
mod attacker;
#[cfg(feature = "polars")]
mod checks;
#[cfg(feature = "polars")]
mod chromium;
mod clearance;
#[cfg(feature = "polars")]
mod final_files;
#[cfg(feature = "polars")]
mod kills;
#[cfg(feature = "polars")]
mod medpython;
#[cfg(feature = "polars")]
mod report;
#[cfg(feature = "polars")]
mod rows;
#[cfg(feature = "polars")]
mod scale;
#[cfg(feature = "polars")]
mod signal_pages;
#[cfg(feature = "polars")]
mod signals;
#[cfg(feature = "polars")]
mod whole;
