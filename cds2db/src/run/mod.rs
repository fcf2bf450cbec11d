//! One run: who is asked for, what is fetched and stored, what is melted, typed and worked out.

mod again;
mod age;
mod ahead;
mod batches;
mod connect;
mod directory;
mod directory_options;
mod download;
mod earlier;
mod elements;
mod encoding;
mod gate;
mod gone;
mod patients;
mod pipeline;
mod record;
mod referenced;
mod requests;
mod scope;
mod signals;
mod state_writer;
mod stopwatch;
mod typed;
mod unanswered;
mod wards;
mod writing;

pub use connect::{connect, first_request, from_settings, from_settings_in, outline};
pub use directory::RunDirectory;
pub use directory_options::DirectoryOptions;
pub use pipeline::Run;
pub(crate) use pipeline::ZONE;
pub(crate) use requests::digest;
pub use scope::{Given, Scope};
pub use wards::Dates;
pub(crate) use wards::{find_wards, patients_of_encounters};
