//! JSON pages: a forward scanner, the walk along a plan, and the outermost structure of a page.

mod check;
mod page;
mod resource;
mod resume;
mod scan;
mod structure;
mod tree;
mod unescape;
mod walk;

pub(crate) use page::{State, step};
pub(crate) use resume::resume;
pub(crate) use scan::Scan;
