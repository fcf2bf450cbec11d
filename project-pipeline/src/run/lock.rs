use std::fs::{File, OpenOptions};

use rustix::fs::{FlockOperation, flock};

use crate::store::{Layout, SafeDir};
use crate::{Error, ErrorKind, Result};

/// A workspace that no other run works in until this is dropped; the system frees it when the process ends, however it ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "held open")] File);

impl Lock {
    /// Takes a workspace.
    ///
    /// # Errors
    /// If another run works in it.
    pub(crate) fn take(layout: &Layout) -> Result<Self> {
        SafeDir::create(&layout.metadata(), 0o700)
            .map_err(|source| Error::write(&layout.metadata(), source))?;
        let path = layout.lock();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| Error::write(&path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ErrorKind::InUse {
                path: layout.root().to_owned(),
            }
            .into()),
            Err(errno) => Err(Error::write(&path, errno.into())),
        }
    }
}
