//! What was asked for and what became of it: requests and jobs in SQLite, the manifest, pages.

mod database;
mod job;
mod manifest;
mod outputs;
mod page;
mod repository;
mod request;
mod time;
mod workspace_page;

pub use database::Record;
pub use job::{Job, StatusCode};
pub(crate) use manifest::write_manifest;
pub use outputs::OutputRow;
pub(crate) use page::{replace, write_request_page};
pub(crate) use repository::Repository;
pub use request::JobRequest;
pub(crate) use time::{duration, now, stamp};
pub(crate) use workspace_page::write_workspace_page;
