#![doc = include_str!("../README.md")]

mod exposition;
mod family;
mod fault;
mod file;
mod read;
mod service_manager;
mod time;

pub use exposition::Exposition;
pub use family::{Family, Kind};
pub use fault::Fault;
pub use service_manager::ServiceManager;
pub use time::seconds_since_epoch;
