//! Bringing an existing database to the present description.
//!
//! Tables hold data: they are only added to. Views and functions are code: they are made anew. What cannot be done
//! without a decision is a [`Question`]; nothing is changed while one is open, unless the caller accepts them all.

mod adopt;
mod apply;
mod catalogue;
mod change;
mod plan;
mod question;

pub(crate) use apply::differences;
pub use change::Change;
pub use plan::Plan;
pub use question::Question;
