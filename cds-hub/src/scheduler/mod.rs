//! Running due transfers, at once and every interval.

mod serve;

pub use serve::ServeOptions;
