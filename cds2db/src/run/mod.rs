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

pub use connect::{connect, first_request, from_settings};
pub use pipeline::Run;
pub(crate) use pipeline::ZONE;
pub use scope::{Given, Scope};
pub use wards::Dates;
pub(crate) use wards::{find_wards, patients_of_encounters};
