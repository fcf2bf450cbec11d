//! Tests against the reference material in `../../shared` and of whole files.

mod default;
mod expansion;
mod shared;
mod typing;
