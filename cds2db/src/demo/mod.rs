//! The whole chain on one machine, with a database and a FHIR server of its own.

mod history;
mod hospital;
mod run;
mod server;

pub use hospital::{Change, HospitalPlan};
pub use run::{Demo, Outcome, Source};
