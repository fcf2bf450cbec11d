//! Room that a run may take: memory for pages that wait, and space on the disk.

use std::path::Path;
use std::sync::Arc;

use rustix::fs::statvfs;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, ErrorKind, Result};

/// Bytes that arrive between two looks at the disk.
const LOOK_EVERY: u64 = 32 << 20;
/// One permit stands for so many bytes.
const PERMIT: usize = 1 << 10;

/// Memory for the pages between the server and the disk. One page always fits.
#[derive(Clone, Debug)]
pub(super) struct PageRoom {
    permits: Arc<Semaphore>,
    all: u32,
}

/// Room taken by a page until it is dropped.
#[derive(Debug)]
pub(super) struct Taken(
    #[expect(dead_code, reason = "it gives the room back when it is dropped")] OwnedSemaphorePermit,
);

impl PageRoom {
    /// Room for so many bytes of pages.
    pub(super) fn of(bytes: usize) -> Self {
        let all = u32::try_from(bytes / PERMIT)
            .unwrap_or(u32::MAX >> 4)
            .clamp(1, u32::MAX >> 4);
        Self {
            permits: Arc::new(Semaphore::new(all as usize)),
            all,
        }
    }

    /// Waits until there is room for a page. Pages ask in the order in which they are taken, so that none waits for one
    /// behind it.
    pub(super) async fn take(&self, bytes: usize) -> Option<Taken> {
        let wanted = u32::try_from(bytes / PERMIT + 1)
            .unwrap_or(self.all)
            .min(self.all);
        let permits = Arc::clone(&self.permits);
        permits.acquire_many_owned(wanted).await.ok().map(Taken)
    }
}

/// Watches the space that is left on a disk while pages are kept there.
#[derive(Debug)]
pub(crate) struct DiskRoom {
    least: u64,
    since: u64,
}

impl DiskRoom {
    /// `least` bytes are to stay free.
    pub(crate) fn new(least: u64) -> Self {
        Self {
            least,
            since: LOOK_EVERY,
        }
    }

    /// Looks at the disk after enough has arrived.
    ///
    /// # Errors
    /// When less is free than is to stay free.
    pub(crate) fn came(&mut self, bytes: u64, directory: &Path) -> Result<()> {
        self.since += bytes;
        if self.since < LOOK_EVERY {
            return Ok(());
        }
        self.since = 0;
        match free(directory) {
            Some(free) if free < self.least => {
                let text = format!(
                    "the disk is nearly full: {} MiB are free in {}, {} are to stay free (MIN_FREE_MIB); what was fetched \
                     is kept, and the same command goes on when there is room",
                    free >> 20,
                    directory.display(),
                    self.least >> 20
                );
                Err(Error::new(ErrorKind::File, text))
            }
            _ => Ok(()),
        }
    }
}

/// Bytes that are free for this user; `None` where the system does not tell.
fn free(directory: &Path) -> Option<u64> {
    let found = statvfs(directory).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_waits_for_room_and_one_always_fits() {
        let room = PageRoom::of(1 << 20);
        let large = room.take(1 << 30).await.expect("one fits");
        let second = room.clone();
        let waiting = tokio::spawn(async move { second.take(1).await.is_some() });
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert!(!waiting.is_finished());
        drop(large);
        assert!(waiting.await.expect("ends"));
    }

    #[test]
    fn a_full_disk_is_told_and_what_to_do() {
        let directory = tempfile::tempdir().expect("directory");
        assert!(DiskRoom::new(1).came(1, directory.path()).is_ok());
        let error = DiskRoom::new(u64::MAX)
            .came(1, directory.path())
            .expect_err("full");
        assert!(error.to_string().contains("MIN_FREE_MIB"), "{error}");
    }
}
