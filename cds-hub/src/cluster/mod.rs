//! A private PostgreSQL on this machine, for demos and tests.
//!
//! [`Cluster::open`] finds the server's programs, makes a data directory once and keeps it, starts the server on
//! loopback and stops it when dropped. With [`ClusterOptions::supervisor`] the server also stops when the owning
//! process is killed: a [`Supervisor`] in its own process group holds a pipe from the owner and stops its services
//! when the pipe closes.

mod account;
mod creation;
mod directory;
mod local;
mod options;
mod place;
mod programs;
mod remains;
mod service;
mod services;
mod supervise;
mod supervisor;

pub use account::Account;
pub use local::Cluster;
pub use options::ClusterOptions;
pub use programs::Programs;
pub use service::{Service, Stop, StopSignal};
pub use supervise::{SUPERVISE, supervisor_main};
pub use supervisor::Supervisor;
