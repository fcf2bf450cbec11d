//! The elements of a resource that somebody asks for, in document order: for readers whom columns do not tell enough.
//!
//! A column holds values; it cannot say that an element without wanted values is there, nor follow an element that holds
//! itself. An outline has one item an element met, whether it has a value or not, each with everything below it behind it
//! and the place where that ends. What is recorded is what an [`OutlinePlan`] lists; the walk is the one that fills columns.

mod items;
mod merge;
mod plan;
mod record;
mod tree;

pub(crate) use items::{Item, Outlines, Recorded};
pub use items::{Outline, Token};
pub use plan::{NodeId, OutlinePlan, Symbol};
pub(crate) use record::{Record, Recorder};
