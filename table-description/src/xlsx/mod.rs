//! Sheets of workbooks.

mod limits;
mod read;
mod write;

pub(crate) use read::read;
#[cfg(fuzzing)]
pub(crate) use read::read_from;
pub(crate) use write::write;
