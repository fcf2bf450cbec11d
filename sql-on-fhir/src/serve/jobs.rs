use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::asked::{Asked, Shape};
use super::outcome::{Refusal, incomplete};
use super::work::Done;

/// Jobs at work at a time.
const AT_WORK: usize = 4;
/// Jobs whose files are kept; the oldest that has ended goes first.
const KEPT: usize = 32;

/// The exports that were asked for.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: Mutex<HashMap<String, Job>>,
}

struct Job {
    folder: TempDir,
    stop: Arc<AtomicBool>,
    state: State,
    begun: SystemTime,
    tracking: Option<String>,
    format: Shape,
}

enum State {
    AtWork,
    Done(Done, SystemTime),
    Failed(Refusal),
}

/// A job that was begun.
pub(super) struct Begun {
    pub(super) id: String,
    pub(super) folder: PathBuf,
    pub(super) stop: Arc<AtomicBool>,
}

/// How a job stands.
pub(super) enum Standing {
    AtWork,
    Done,
    Failed(Refusal),
}

impl Jobs {
    pub(super) fn begin(&self, asked: &Asked) -> Result<Begun, Refusal> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let at_work = jobs
            .values()
            .filter(|job| matches!(job.state, State::AtWork))
            .count();
        if at_work >= AT_WORK {
            return Err(Refusal::busy());
        }
        while jobs.len() >= KEPT {
            let ended = jobs.iter().filter(|(_, job)| !matches!(job.state, State::AtWork));
            let Some(oldest) = ended.min_by_key(|(_, job)| job.begun).map(|(id, _)| id.clone()) else {
                break;
            };
            jobs.remove(&oldest);
        }
        let folder = tempfile::Builder::new()
            .prefix("sql-export-")
            .tempdir()
            .map_err(super::work::unwritable)?;
        let (id, stop) = (fresh_id(), Arc::new(AtomicBool::new(false)));
        let path = folder.path().to_owned();
        let job = Job {
            folder,
            stop: Arc::clone(&stop),
            state: State::AtWork,
            begun: SystemTime::now(),
            tracking: asked.tracking.clone(),
            format: asked.format,
        };
        jobs.insert(id.clone(), job);
        Ok(Begun {
            id,
            folder: path,
            stop,
        })
    }

    /// What became of a job; nothing where it was cancelled.
    pub(super) fn end(&self, id: &str, result: Result<Done, Refusal>) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = jobs.get_mut(id) {
            job.state = match result {
                Ok(done) => State::Done(done, SystemTime::now()),
                Err(refusal) => State::Failed(refusal),
            };
        }
    }

    pub(super) fn standing(&self, id: &str) -> Option<Standing> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        Some(match &jobs.get(id)?.state {
            State::AtWork => Standing::AtWork,
            State::Done(..) => Standing::Done,
            State::Failed(refusal) => Standing::Failed(refusal.clone()),
        })
    }

    /// Ends a job and removes its files; whether there was one.
    pub(super) fn cancel(&self, id: &str) -> bool {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = jobs.remove(id);
        job.inspect(|job| job.stop.store(true, Ordering::Relaxed))
            .is_some()
    }

    /// The file of an output.
    pub(super) fn file(&self, id: &str, name: &str) -> Option<(PathBuf, Shape)> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = jobs.get(id)?;
        let State::Done(done, _) = &job.state else {
            return None;
        };
        let output = done.outputs.iter().find(|output| output.name == name)?;
        Some((output.path.clone(), job.format))
    }

    /// The manifest of a job that is done.
    pub(super) fn manifest(&self, id: &str, base: &str) -> Option<Value> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = jobs.get(id)?;
        let State::Done(done, ended) = &job.state else {
            return None;
        };
        debug_assert!(job.folder.path().is_dir(), "the files live as long as the job");
        let mut parameters = vec![
            json!({"name": "exportId", "valueString": id}),
            json!({"name": "status", "valueCode": "completed"}),
            json!({"name": "_format", "valueCode": job.format.code()}),
            json!({"name": "exportStartTime", "valueInstant": instant(job.begun)}),
            json!({"name": "exportEndTime", "valueInstant": instant(*ended)}),
        ];
        if let Some(tracking) = &job.tracking {
            parameters.push(json!({"name": "clientTrackingId", "valueString": tracking}));
        }
        if !done.unread.is_empty() {
            parameters.push(json!({"name": "warning", "resource": incomplete(&done.unread)}));
        }
        parameters.extend(done.outputs.iter().map(|output| {
            let name = &output.name;
            json!({"name": "output", "part": [
                {"name": "name", "valueString": name},
                {"name": "location", "valueUri": format!("{base}/jobs/{id}/files/{name}")},
            ]})
        }));
        Some(json!({"resourceType": "Parameters", "parameter": parameters}))
    }
}

/// 128 bits nobody can guess: the keys of a hash map's state are random.
fn fresh_id() -> String {
    let half = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

/// A time as an instant of FHIR, in UTC.
fn instant(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    crate::eval::temporal::instant(since.as_secs(), since.subsec_millis())
}
