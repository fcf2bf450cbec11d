//! Rows the core refused, kept for another attempt.
//!
//! Every transfer tries those again that are due: a minute after the first refusal, then twice as long each time, up to
//! a day; and at once when asked to.

mod operate;
mod refused;

pub use operate::Quarantined;

pub(crate) use refused::Refused;
