//! The crate as its callers use it.

#[cfg(feature = "polars")]
mod checks;
#[cfg(feature = "polars")]
mod chromium;
#[cfg(feature = "polars")]
mod report;
#[cfg(feature = "polars")]
mod rows;
#[cfg(feature = "polars")]
mod scale;
