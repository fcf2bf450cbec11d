//! Invariants of a hub, verified on demand.

mod finding;
mod rules;
mod run;

pub use finding::{Finding, Rule};
