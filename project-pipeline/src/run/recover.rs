//! What a run that was killed left behind.

use super::{folder, process};
use crate::record::{Record, StatusCode, now, write_manifest};
use crate::store::{Layout, SafeDir};
use crate::{Error, Result};

/// Ends left-over processes, marks left-over jobs as cancelled and failed, removes work folders. The caller holds the lock.
pub(super) fn recover(layout: &Layout, record: &Record) -> Result<usize> {
    let left = record.active_jobs()?;
    for job in &left {
        process::end_marked(&job.id);
        let mut job = job.clone();
        let was_cancelled = job.cancelled;
        job.status = if was_cancelled {
            StatusCode::CancelledByUser
        } else {
            StatusCode::NotRun
        };
        job.message = "the run ended before the job did".to_owned();
        job.cancelled = true;
        job.completed_at = Some(now());
        record.put_job(&job, 0)?;
    }
    for path in [layout.work(), layout.staging()] {
        folder::remove(&path);
        SafeDir::create(&path, 0o700).map_err(|source| Error::write(&path, source))?;
    }
    if !left.is_empty() {
        write_manifest(layout, record, None)?;
    }
    Ok(left.len())
}
