//! The Postgres hub: keeps every version of every row, loads at COPY speed and never gets stuck.

pub mod ask;
pub mod check;
pub mod cluster;
mod error;
#[cfg(feature = "polars")]
pub mod frame;
mod hub;
pub mod lineage;
pub mod load;
pub mod migrate;
pub mod overview;
mod parameters;
pub mod quarantine;
pub mod reach;
pub mod scheduler;
pub mod schema;
pub mod semaphore;
pub mod status;
pub mod transfer;

pub use ask::{LastVersions, Position};
pub use error::{Condition, Error, ErrorKind, Result};
pub use hub::{Hub, HubOptions};
pub use parameters::Parameter;
pub use schema::HubTables;
