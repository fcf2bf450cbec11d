use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::search::error::{ErrorKind, Fault};
use crate::search::secret::Secret;

/// How long a program may take to print a token.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a token from a file; blanks and line ends around it are dropped.
pub(super) async fn from_file(path: &Path) -> Result<Secret, Fault> {
    match tokio::fs::read_to_string(path).await {
        // a file that is being replaced may be away or empty for a moment
        Ok(text) if text.trim().is_empty() => Err(Fault::transient(ErrorKind::Secret)),
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(error) => Err(Fault::transient(ErrorKind::Secret).caused_by(error)),
    }
}

/// Runs a program and takes what it prints as the token. Its error output is thrown away: it may hold secrets.
pub(super) async fn from_command(program: &Path, args: &[String]) -> Result<Secret, Fault> {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(Fault::fatal(ErrorKind::Secret).caused_by(error)),
        Err(_) => return Err(Fault::transient(ErrorKind::Secret)),
    };
    match String::from_utf8(output.stdout) {
        Ok(text) if output.status.success() => Ok(Secret::new(text.trim())),
        _ => Err(Fault::transient(ErrorKind::Secret)),
    }
}
