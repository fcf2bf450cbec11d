//! SQLQuery libraries: SQL over the tables of views, run by DataFusion with its parameters bound, never pasted.

mod bind;
mod error;
mod library;
mod run;

pub use bind::Given;
pub use error::QueryError;
pub use library::{Dependency, Library, Parameter};
pub use run::{QueryOutput, QueryRun, QuerySummary};
