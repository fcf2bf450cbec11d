//! Running due transfers, at once and every interval.

mod pg_cron;
mod serve;

pub use serve::{ServeOptions, Served};
