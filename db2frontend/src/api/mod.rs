//! The interface of a REDCap server, as its real clients speak it.

mod answer;
mod client;
mod content;
mod options;
mod refusal;
mod table;
mod tls;

pub use client::Client;
pub use content::{Group, Overwrite, Project, Stored};
pub use options::{Format, Limits, Options, Token};
pub use refusal::{Reason, Refusal};
pub use table::{Table, TableFault};
