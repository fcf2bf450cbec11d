//! Invariants of a hub, verified on demand.

mod finding;
mod fits;
mod rules;
mod run;

pub use finding::{Finding, Rule};
