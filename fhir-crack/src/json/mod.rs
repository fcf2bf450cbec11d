//! JSON pages: a forward scanner, the walk along a plan, and the outermost structure of a page.

mod page;
mod scan;
mod tree;
mod unescape;
mod walk;

pub(crate) use page::{State, step};
pub(crate) use scan::Scan;
