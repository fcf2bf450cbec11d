//! Looking into the files of a run: SQL over its tables, and what was asked is kept.

mod session;
mod tables;

pub use session::{Answer, Session};
pub use tables::{Tables, schema};
