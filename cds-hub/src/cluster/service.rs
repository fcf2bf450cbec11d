use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Account;

/// A program that runs until it is stopped, and how to stop it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Service {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments; visible to other users of the machine, so never a password.
    pub args: Vec<String>,
    /// The account to run under; `None` for the caller's own. Only root can name another.
    pub account: Option<Account>,
    /// File that takes its output, appended; `None` to drop it.
    pub log: Option<PathBuf>,
    /// File fed to its standard input; `None` for an empty one.
    pub input: Option<PathBuf>,
    /// Signals to stop it with, one after the other. A `SIGKILL` to its process group follows the last.
    pub stop: Vec<Stop>,
}

/// One attempt to stop a service.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Stop {
    /// What to send.
    pub signal: StopSignal,
    /// How long to wait for the service to end, in milliseconds.
    pub patience_ms: u64,
}

/// Signals a service can be asked to stop with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StopSignal {
    /// `SIGINT`: PostgreSQL's fast shutdown.
    Interrupt,
    /// `SIGTERM`: what most programs take as a polite request.
    Terminate,
    /// `SIGQUIT`: PostgreSQL's immediate shutdown, as after a power failure.
    Quit,
}

impl Service {
    /// A program that is stopped by `SIGTERM` with 5 s of patience, under the caller's account, without output.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            account: None,
            log: None,
            input: None,
            stop: vec![Stop {
                signal: StopSignal::Terminate,
                patience_ms: 5_000,
            }],
        }
    }
}
