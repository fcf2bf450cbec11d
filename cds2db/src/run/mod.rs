//! One run: five rooms in the order that the data take, under [`Run::execute`].
//!
//! `who` finds whose resources are asked for, `ask` what is asked, `raw` fetches and cracks, `typed` melts, types, tests and
//! hands on; `kept` is the directory that all of them write to.

mod ahead;
mod ask;
mod connect;
mod encoding;
mod execute;
mod kept;
mod raw;
pub mod reach;
mod report;
mod retrieval;
mod scope;
mod stopwatch;
mod typed;
mod watches;
mod who;

pub(crate) use ask::narrowing::digest;
#[cfg(feature = "program")]
pub(crate) use connect::described;
pub use connect::{Connected, connect, connect_telling, first_request, from_settings, outline};
pub use kept::directory::RunDirectory;
pub use kept::options::DirectoryOptions;
pub use kept::unread::UnreadPart;
pub use kept::whole::{BroughtUp, ExportOptions, bring_up, export, rebuild};
pub use retrieval::Run;
pub(crate) use retrieval::ZONE;
pub use scope::{Given, Scope};
pub(crate) use stopwatch::Stopwatch;
pub use who::ward_request::Dates;
pub(crate) use who::wards::{OfEncounters, find as find_wards, patients_of_encounters};
