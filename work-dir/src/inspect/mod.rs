//! Looking into the files of a run: SQL over its tables, and what was asked is kept.

#[cfg(not(feature = "sql"))]
mod no_tables;
#[cfg(feature = "sql")]
mod scan;
#[cfg(feature = "sql")]
mod session;
#[cfg(feature = "sql")]
mod tables;

#[cfg(not(feature = "sql"))]
pub use no_tables::Tables;
#[cfg(feature = "sql")]
pub use session::{Answer, Session};
#[cfg(feature = "sql")]
pub use tables::{Tables, schema};
