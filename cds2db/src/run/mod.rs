//! One run: who is asked for, what is fetched and stored, what is melted, typed and worked out.

mod connect;
mod download;
mod patients;
mod pipeline;
mod referenced;
mod requests;
mod scope;
mod stopwatch;
mod typed;
mod wards;

pub use connect::{first_request, from_settings};
pub use pipeline::Run;
pub use scope::Scope;
