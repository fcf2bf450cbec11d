//! Directories and files that only their owner can read.

use std::io;
use std::path::Path;

use tokio::fs::{self, OpenOptions};

use super::error::{Error, ErrorKind};

/// Makes a directory that only its owner can read; one that exists stays as it is.
pub(crate) async fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(dir).await
}

/// Options for a file that only its owner can read.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    options.mode(0o600);
    options
}

/// The error of a spool's files.
pub(crate) fn failed(error: io::Error) -> Error {
    Error::new(ErrorKind::Spool).with_source(error)
}
