use std::ffi::OsStr;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::services::Services;
use super::{Service, Stop};

/// The hidden first argument that turns a program into a supervisor; see [`supervisor_main`].
pub const SUPERVISE: &str = "__supervise";

/// What the owner asks its supervisor, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Spawn(Service),
    Poll(u32),
    Stop(u32, Option<Vec<Stop>>),
}

/// The supervisor's answer, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Spawned(u32),
    Running,
    Ended(i32),
    Failed(String),
}

/// Acts as a supervisor if the first argument is [`SUPERVISE`], else returns `None` at once.
///
/// A program that wants its services to end with it, even when it is killed, calls this first thing in `main`:
///
/// ```no_run
/// if let Some(code) = cds_hub::cluster::supervisor_main(std::env::args_os().nth(1).as_deref()) {
///     std::process::exit(if code == std::process::ExitCode::SUCCESS { 0 } else { 1 });
/// }
/// ```
///
/// The supervisor starts what the owner asks for through its standard input, and stops everything, the youngest
/// first, when that input closes.
#[must_use]
pub fn supervisor_main(first_argument: Option<&OsStr>) -> Option<ExitCode> {
    if first_argument != Some(OsStr::new(SUPERVISE)) {
        return None;
    }
    let mut services = Services::default();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let reply = serde_json::from_str(&line)
            .map_err(|_| "unknown request".to_owned())
            .and_then(|request| answer(&mut services, request).map_err(|e| e.to_string()))
            .unwrap_or_else(Reply::Failed);
        let Ok(text) = serde_json::to_string(&reply) else {
            break;
        };
        // The owner may be gone already: then the input has closed too.
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    drop(services);
    Some(ExitCode::SUCCESS)
}

fn answer(services: &mut Services, request: Request) -> std::io::Result<Reply> {
    Ok(match request {
        Request::Spawn(service) => Reply::Spawned(services.spawn(&service)?),
        Request::Poll(id) => services.poll(id)?.map_or(Reply::Running, Reply::Ended),
        Request::Stop(id, signals) => {
            services.stop(id, signals.as_deref());
            Reply::Ended(0)
        }
    })
}
