//! Rows the core refused, kept for another attempt.

mod refused;

pub(crate) use refused::Refused;
