//! XML pages: a scanner that knows the shape of FHIR's XML, a slow path for whatever has another, and the outermost
//! structure of a page.

mod heads;
mod page;
mod resume;
mod scan;
mod tree;
mod unescape;
mod walk;

pub(crate) use page::{State, step};
pub(crate) use resume::resume;
pub(crate) use scan::Scan;
