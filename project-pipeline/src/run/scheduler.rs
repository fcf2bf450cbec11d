use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::lock::Lock;
use super::process::End;
use super::sandbox::Sandbox;
use super::task::{Ended, Task};
use super::{Progress, RunOptions, finish, folder, identity, job_log, planned, recover, snapshot};
use crate::plan::{Plan, Request, State, plan};
use crate::record::{
    Job, JobRequest, Record, Repository, StatusCode, now, write_manifest, write_request_page,
    write_workspace_page,
};
use crate::store::{Layout, SafeDir};
use crate::{Checked, Error, ErrorKind, Project, Result, stale};

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The request; `None` if there was nothing to do.
    pub request: Option<JobRequest>,
    /// Its jobs.
    pub jobs: Vec<Job>,
    /// The page of the request.
    pub page: Option<PathBuf>,
}

impl Outcome {
    /// Whether every job ended well.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.jobs.iter().all(|job| job.status == StatusCode::Succeeded)
    }
}

/// Runs actions and what they need.
///
/// # Errors
/// If the project is faulty, the request cannot be planned, or the workspace cannot be used. A job that fails is no error.
pub fn run(actions: &[String], options: &RunOptions, progress: &mut dyn Progress) -> Result<Outcome> {
    let path = options.project_dir.join("project.yaml");
    let text = std::fs::read_to_string(&path).map_err(|source| Error::read(&path, source))?;
    let checked = crate::check(&text);
    if !checked.is_good() {
        let count = checked.faults.len();
        return Err(ErrorKind::Faulty { path, count }.into());
    }
    std::fs::create_dir_all(&options.workspace).map_err(|source| Error::write(&options.workspace, source))?;
    let root = options
        .workspace
        .canonicalize()
        .map_err(|source| Error::read(&options.workspace, source))?;
    let layout = Layout::new(&root);
    let lock = Lock::take(&layout)?;
    let record = Record::open(&layout)?;
    let left = recover::recover(&layout, &record)?;
    if left > 0 {
        progress.warn(&format!(
            "{left} job(s) of a run that was ended were left over; they count as never run"
        ));
    }
    let mut request = Request {
        actions: actions.to_vec(),
        force: options.force,
        ..Request::default()
    };
    if options.stale {
        request.stale = stale(&checked.project, &record, &layout, &options.project_dir)?;
    }
    let plan = plan(&checked.project, &record.history(&layout)?, &request)?;
    if plan.jobs.is_empty() {
        return Ok(Outcome {
            request: None,
            jobs: Vec::new(),
            page: None,
        });
    }
    warn_of_overwrites(&checked, &plan, progress);
    let mut run = Run::begin(&checked.project, text, actions, &plan, options, layout, &record)?;
    let done = run.until_the_end(progress);
    folder::remove(&run.layout.work());
    done?;
    drop(lock);
    let page = run.pages()?;
    Ok(Outcome {
        request: Some(run.request),
        jobs: run.jobs,
        page: Some(page),
    })
}

fn warn_of_overwrites(checked: &Checked, plan: &Plan, progress: &mut dyn Progress) {
    let touched = |message: &str| {
        plan.jobs
            .iter()
            .any(|job| message.split([' ', ',']).any(|word| word == job.action))
    };
    for warning in checked
        .warnings
        .iter()
        .filter(|warning| warning.message.contains("overwrite") && touched(&warning.message))
    {
        progress.warn(&format!("project.yaml:{warning}"));
    }
}

/// A request that is being run.
struct Run<'a> {
    project: &'a Project,
    options: &'a RunOptions,
    layout: Layout,
    record: &'a Record,
    request: JobRequest,
    jobs: Vec<Job>,
    first: i64,
    sandbox: Sandbox,
    code: PathBuf,
    code_files: Arc<BTreeMap<String, String>>,
}

impl<'a> Run<'a> {
    fn begin(
        project: &'a Project,
        text: String,
        actions: &[String],
        plan: &Plan,
        options: &'a RunOptions,
        layout: Layout,
        record: &'a Record,
    ) -> Result<Self> {
        let sandbox = Sandbox::find(options.sandbox);
        // The stores are there before the first job, so that they can be hidden from it.
        for (store, mode) in [(layout.level3(), 0o700), (layout.level4(), 0o750)] {
            SafeDir::create(&store, mode).map_err(|source| Error::write(&store, source))?;
        }
        let code = layout.work().join("code");
        let (code_digest, code_files) = snapshot::take(&options.project_dir, &code, project, layout.root())
            .map_err(|source| Error::write(&code, source))?;
        record.put_code(&code_digest, &code_files)?;
        let repository = Repository::of(&options.project_dir);
        let name = layout
            .root()
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let request = JobRequest {
            id: identity::request(&name),
            created_at: now(),
            workspace: name,
            who: options.who.clone(),
            repo: repository.url,
            branch: repository.branch,
            commit: repository.commit,
            requested_actions: actions.to_vec(),
            force_run_dependencies: options.force,
            stale: options.stale,
            project: text,
            code_digest,
            isolation: sandbox.words(false).to_owned(),
        };
        let jobs = plan
            .jobs
            .iter()
            .map(|planned| planned::new_job(project, planned, &request))
            .collect();
        let first = record.next_number()?;
        let run = Self {
            project,
            options,
            layout,
            record,
            request,
            jobs,
            first,
            sandbox,
            code,
            code_files: Arc::new(code_files),
        };
        record.at_once(|| {
            record.put_request(&run.request)?;
            (0..run.jobs.len()).try_for_each(|at| run.save(at))
        })?;
        Ok(run)
    }

    fn save(&self, at: usize) -> Result<()> {
        self.record
            .put_job(&self.jobs[at], self.first + i64::try_from(at).unwrap_or_default())
    }

    /// Starts what can be started, waits for what runs, until all jobs have ended.
    fn until_the_end(&mut self, progress: &mut dyn Progress) -> Result<()> {
        let (send, ended) = mpsc::channel();
        let mut running: HashMap<usize, Arc<AtomicBool>> = HashMap::new();
        let done = self.turn_after_turn(progress, &send, &ended, &mut running);
        // After a fault of the record or the stores nothing goes on behind the caller's back.
        for cancel in running.values() {
            cancel.store(true, Ordering::Relaxed);
        }
        for _ in 0..running.len() {
            let _ = ended.recv_timeout(self.options.limits.grace + Duration::from_secs(30));
        }
        done
    }

    fn turn_after_turn(
        &mut self,
        progress: &mut dyn Progress,
        send: &mpsc::Sender<Ended>,
        ended: &mpsc::Receiver<Ended>,
        running: &mut HashMap<usize, Arc<AtomicBool>>,
    ) -> Result<()> {
        loop {
            self.settle(running)?;
            while running.len() < self.options.jobs.max(1) {
                let Some(at) = self.next() else { break };
                let cancel = Arc::new(AtomicBool::new(false));
                self.start(at, &cancel, send)?;
                running.insert(at, cancel);
            }
            progress.show(&self.jobs, now());
            if running.is_empty() {
                return Ok(());
            }
            match ended.recv_timeout(Duration::from_millis(100)) {
                Ok(end) => {
                    running.remove(&end.at);
                    self.finish(end)?;
                }
                Err(_) => self.look_for_cancels(running)?,
            }
        }
    }

    /// Ends jobs that will never run: what they wait for failed, or they were cancelled, or the run is to stop.
    fn settle(&mut self, running: &HashMap<usize, Arc<AtomicBool>>) -> Result<()> {
        let stop = self.options.stop.load(Ordering::Relaxed);
        let failed: HashSet<String> = self
            .jobs
            .iter()
            .filter(|job| job.status.state() == State::Failed)
            .map(|job| job.action.clone())
            .collect();
        let mut more = failed.clone();
        let cancelled: HashSet<String> = self.cancelled_ids()?;
        for at in 0..self.jobs.len() {
            if self.jobs[at].status.state() != State::Pending || running.contains_key(&at) {
                continue;
            }
            let job = &self.jobs[at];
            let dead = job.waits_for.iter().find(|need| more.contains(*need)).cloned();
            let (status, message, is_cancelled) = if stop || cancelled.contains(&job.id) {
                (
                    StatusCode::CancelledByUser,
                    "cancelled before it began".to_owned(),
                    true,
                )
            } else if let Some(need) = dead {
                (
                    StatusCode::DependencyFailed,
                    format!("{need} did not succeed"),
                    false,
                )
            } else if !failed.is_empty() && !self.options.continue_on_error {
                (
                    StatusCode::NotRun,
                    "another job failed before its turn".to_owned(),
                    true,
                )
            } else {
                continue;
            };
            more.insert(job.action.clone());
            self.end(at, status, message, is_cancelled)?;
        }
        Ok(())
    }

    fn cancelled_ids(&self) -> Result<HashSet<String>> {
        let active = self.record.active_jobs()?;
        Ok(active
            .into_iter()
            .filter(|job| job.cancelled)
            .map(|job| job.id)
            .collect())
    }

    fn look_for_cancels(&self, running: &HashMap<usize, Arc<AtomicBool>>) -> Result<()> {
        let stop = self.options.stop.load(Ordering::Relaxed);
        let cancelled = self.cancelled_ids()?;
        for (at, cancel) in running {
            if stop || cancelled.contains(&self.jobs[*at].id) {
                cancel.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// The first job whose turn it is.
    fn next(&self) -> Option<usize> {
        let done = |need: &String| {
            self.jobs
                .iter()
                .find(|job| job.action == *need)
                .is_none_or(|job| job.status == StatusCode::Succeeded)
        };
        (0..self.jobs.len()).find(|at| {
            let job = &self.jobs[*at];
            job.status.state() == State::Pending && job.waits_for.iter().all(done)
        })
    }

    fn start(&mut self, at: usize, cancel: &Arc<AtomicBool>, send: &mpsc::Sender<Ended>) -> Result<()> {
        let job = &mut self.jobs[at];
        job.status = StatusCode::Executing;
        "running".clone_into(&mut job.message);
        job.started_at = Some(now());
        let Some(action) = self.project.action(&job.action) else {
            return Ok(());
        };
        let runner = self.options.runners.get(&action.runner()).cloned();
        let network = runner.as_ref().is_some_and(|runner| runner.network);
        self.sandbox.words(network).clone_into(&mut job.isolation);
        let last = self.record.last_jobs()?;
        let inputs = action.needs.iter().flat_map(|need| {
            last.get(need)
                .into_iter()
                .flat_map(|job| job.outputs.keys().cloned())
        });
        let task = Task {
            job: job.id.clone(),
            action: action.clone(),
            words: self.project.words(action),
            runner,
            inputs: inputs.collect(),
            layout: self.layout.clone(),
            code: self.code.clone(),
            code_files: Arc::clone(&self.code_files),
            sandbox: self.sandbox,
            options: self.options.clone(),
            cancel: Arc::clone(cancel),
        };
        self.save(at)?;
        let send = send.clone();
        std::thread::spawn(move || {
            let result = task.run();
            let _ = send.send(Ended { at, result });
        });
        Ok(())
    }

    /// Takes what a job made.
    fn finish(&mut self, ended: Ended) -> Result<()> {
        let at = ended.at;
        let made = match ended.result {
            Ok(made) => made,
            Err(source) => {
                let message = format!("the job could not be run: {source}");
                return self.end(at, StatusCode::InternalError, message, false);
            }
        };
        let job = &mut self.jobs[at];
        job.peak_memory = made.peak;
        job.input_digests = made.inputs;
        job.unmatched.clone_from(&made.collected.unmatched);
        let limits = &self.options.limits;
        let (status, message) = match (made.refused, made.end) {
            (Some(why), _) => (StatusCode::InternalError, why),
            (None, Some(End::Cancelled)) => (StatusCode::CancelledByUser, "cancelled".to_owned()),
            (None, Some(End::OutOfMemory)) => (
                StatusCode::OutOfMemory,
                format!("it used more than {} bytes of memory", limits.memory),
            ),
            (None, Some(End::OutOfTime)) => (
                StatusCode::OutOfTime,
                format!("it took longer than {:?}", limits.time),
            ),
            (None, Some(End::Exit(0))) if made.collected.unmatched.is_empty() => {
                job.exit_code = Some(0);
                let stored = self.record.at_once(|| {
                    finish::store(
                        &self.layout,
                        self.record,
                        self.project,
                        job,
                        &made.staged,
                        &made.collected,
                    )
                });
                match stored {
                    Ok(()) if job.excluded.is_empty() => (StatusCode::Succeeded, "completed".to_owned()),
                    Ok(()) => (
                        StatusCode::Succeeded,
                        format!("completed, but {} file(s) held back", job.excluded.len()),
                    ),
                    Err(error) => {
                        job.outputs.clear();
                        job.output_digests.clear();
                        let cause = std::error::Error::source(&error)
                            .map_or_else(String::new, |cause| format!(": {cause}"));
                        (
                            StatusCode::InternalError,
                            format!("its outputs could not be stored: {error}{cause}"),
                        )
                    }
                }
            }
            (None, Some(End::Exit(0))) => {
                job.exit_code = Some(0);
                job.excluded = made
                    .collected
                    .refused
                    .iter()
                    .map(|(path, (_, why))| (path.clone(), why.clone()))
                    .collect();
                (StatusCode::UnmatchedPatterns, job_log::unmatched(&made.collected))
            }
            (None, Some(End::Exit(code))) => {
                job.exit_code = Some(code);
                (
                    StatusCode::NonzeroExit,
                    format!("its command ended with exit code {code}"),
                )
            }
            (None, None) => (StatusCode::InternalError, "its command did not run".to_owned()),
        };
        self.end(at, status, message, status == StatusCode::CancelledByUser)
    }

    fn end(&mut self, at: usize, status: StatusCode, message: String, cancelled: bool) -> Result<()> {
        let job = &mut self.jobs[at];
        job.status = status;
        job.message = message;
        job.cancelled = cancelled;
        job.completed_at = Some(now());
        self.save(at)?;
        job_log::write(&self.layout, &self.request, &self.jobs[at])?;
        write_manifest(&self.layout, self.record, Some(self.project))
    }

    fn pages(&self) -> Result<PathBuf> {
        write_workspace_page(&self.layout, self.record)?;
        write_request_page(&self.layout, self.record, &self.request.id)
    }
}
