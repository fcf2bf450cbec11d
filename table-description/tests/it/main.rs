//! Tests against the reference material in `../../shared` and of whole files.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod default;
mod expansion;
mod shared;
mod typing;
#[cfg(feature = "xlsx")]
mod workbook;
