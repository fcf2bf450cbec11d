//! What the program `cds2db` takes and shows.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the program's own output"
)]

mod arguments;
mod backfill;
mod bars;
mod chain;
mod config;
mod connect;
mod core_dumps;
mod demo;
mod describe;
mod doctor;
mod files;
mod init;
mod keeping;
mod logs;
mod metrics;
mod report;
mod retrieve;
mod serve;
mod view;
#[cfg(feature = "sql")]
mod view_query;
#[cfg(feature = "view-serve")]
mod view_serve;
mod view_server;
mod view_suite;
mod watched;
mod work;
mod work_check;
mod work_export;
mod work_inspect;
mod work_rebuild;
mod work_register;
mod work_release;
mod work_report;
mod work_status;

use std::process::ExitCode;

pub use arguments::Arguments;
pub use bars::Bars;
pub use core_dumps::switch_off_core_dumps;
pub use report::report;

use jiff::tz::TimeZone;
use site_config::exit_code;
pub use site_config::print_error;

use crate::{Error, ErrorKind, Result};

/// The features the program was built with.
#[must_use]
pub fn features() -> Vec<&'static str> {
    let all = [
        ("sql", cfg!(feature = "sql")),
        ("view-serve", cfg!(feature = "view-serve")),
    ];
    all.into_iter()
        .filter_map(|(name, is_built)| is_built.then_some(name))
        .collect()
}

/// How the program ends after an error, by the table of [`exit_code`].
#[must_use]
pub fn exit_code_of(error: &Error) -> ExitCode {
    ExitCode::from(match error.kind() {
        ErrorKind::Config | ErrorKind::Description => exit_code::USAGE,
        _ if error.may_be_tried_again() => exit_code::BUSY,
        ErrorKind::Data => exit_code::HELD,
        ErrorKind::Stopped => exit_code::STOPPED,
        _ => exit_code::FAILED,
    })
}

/// Runs a future on a runtime of its own.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|e| Error::new(ErrorKind::Start, "the runtime cannot be started").because(e))?;
    runtime.block_on(future)
}

/// The zone in which the sites' files and servers mean times without an offset.
fn zone() -> TimeZone {
    TimeZone::get(crate::run::ZONE).unwrap_or(TimeZone::UTC)
}

/// Ends when the user or the system asks the program to stop.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
