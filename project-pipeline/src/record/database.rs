use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Job, JobRequest};
use crate::plan::{History, Last, State};
use crate::store::{Layout, SafeDir};
use crate::{Error, ErrorKind, Result};

/// The database of a workspace.
pub struct Record {
    connection: Connection,
    path: PathBuf,
}

const SCHEMA: &str = "
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS job_request (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, original TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY, job_request_id TEXT NOT NULL REFERENCES job_request (id), action TEXT NOT NULL, state TEXT NOT NULL,
    status_code TEXT NOT NULL, status_message TEXT NOT NULL, run_command TEXT NOT NULL, cancelled INTEGER NOT NULL,
    created_at INTEGER NOT NULL, started_at INTEGER, completed_at INTEGER, number INTEGER NOT NULL, original TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS job_of_action ON job (action, number);
CREATE TABLE IF NOT EXISTS output (
    path TEXT NOT NULL, action TEXT NOT NULL, level TEXT NOT NULL, job_id TEXT NOT NULL, job_request TEXT NOT NULL, size INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, content_hash TEXT NOT NULL, message TEXT, note TEXT, row_count INTEGER, col_count INTEGER,
    small_cells INTEGER NOT NULL, overwritten INTEGER NOT NULL, PRIMARY KEY (path, action)
) STRICT;
CREATE TABLE IF NOT EXISTS code (digest TEXT PRIMARY KEY, files TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS flag (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
";

impl Record {
    /// Opens a workspace's database, made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made or read.
    pub fn open(layout: &Layout) -> Result<Self> {
        let path = layout.database();
        SafeDir::create(&layout.metadata(), 0o700)
            .map_err(|source| Error::write(&layout.metadata(), source))?;
        let connect = || {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(Duration::from_secs(30))?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = connect().map_err(|source| {
            Error::from(ErrorKind::Record {
                path: path.clone(),
                source,
            })
        })?;
        Ok(Self { connection, path })
    }

    /// Whether a workspace has a database.
    #[must_use]
    pub fn exists(layout: &Layout) -> bool {
        layout.database().exists()
    }

    pub(crate) fn try_sql<T>(&self, act: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        act(&self.connection).map_err(|source| {
            ErrorKind::Record {
                path: self.path.clone(),
                source,
            }
            .into()
        })
    }

    /// All that `act` writes, or nothing of it.
    pub(crate) fn at_once<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        self.try_sql(|c| c.execute_batch("BEGIN IMMEDIATE"))?;
        match act() {
            Ok(value) => {
                self.try_sql(|c| c.execute_batch("COMMIT"))?;
                Ok(value)
            }
            Err(error) => {
                let _ = self.try_sql(|c| c.execute_batch("ROLLBACK"));
                Err(error)
            }
        }
    }

    pub(crate) fn put_request(&self, request: &JobRequest) -> Result<()> {
        self.try_sql(|c| {
            c.execute(
                "INSERT INTO job_request (id, created_at, original) VALUES (?1, ?2, ?3)",
                params![request.id, request.created_at, json(request)],
            )?;
            Ok(())
        })
    }

    /// All requests, oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn requests(&self) -> Result<Vec<JobRequest>> {
        self.try_sql(|c| {
            let mut query = c.prepare("SELECT original FROM job_request ORDER BY created_at, rowid")?;
            let rows = query.query_map([], |row| row.get::<_, String>(0))?;
            rows.map(|text| Ok(parse(&text?)))
                .collect::<rusqlite::Result<Vec<Option<_>>>>()
        })
        .map(|rows| rows.into_iter().flatten().collect())
    }

    /// Writes a job, over what was known of it; that it was cancelled stays known.
    pub(crate) fn put_job(&self, job: &Job, number: i64) -> Result<()> {
        self.try_sql(|c| {
            c.execute(
                "INSERT INTO job (id, job_request_id, action, state, status_code, status_message, run_command, cancelled, created_at,
                     started_at, completed_at, number, original)
                 VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)
                 ON CONFLICT (id) DO UPDATE SET state = ?4, status_code = ?5, status_message = ?6, cancelled = max(cancelled, ?8),
                     started_at = ?10, completed_at = ?11, original = ?13",
                params![
                    job.id, job.request, job.action, job.status.state().name(), job.status.name(), job.message, job.run, job.cancelled,
                    job.created_at, job.started_at, job.completed_at, number, json(job),
                ],
            )?;
            Ok(())
        })
    }

    /// The number for the next job.
    pub(crate) fn next_number(&self) -> Result<i64> {
        self.try_sql(|c| {
            c.query_row("SELECT coalesce(max(number), 0) + 1 FROM job", [], |row| {
                row.get(0)
            })
        })
    }

    fn jobs_where(&self, clause: &str, value: &str) -> Result<Vec<Job>> {
        self.try_sql(|c| {
            let mut query = c.prepare(&format!(
                "SELECT original, cancelled FROM job WHERE {clause} ORDER BY number"
            ))?;
            let rows = query.query_map([value], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
        .map(|rows| {
            rows.into_iter()
                .filter_map(|(text, cancelled)| {
                    let mut job: Job = parse(&text)?;
                    job.cancelled |= cancelled;
                    Some(job)
                })
                .collect()
        })
    }

    /// The jobs of a request, in the order of its plan.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn jobs(&self, request: &str) -> Result<Vec<Job>> {
        self.jobs_where("job_request_id = ?1", request)
    }

    /// Jobs that have not ended.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn active_jobs(&self) -> Result<Vec<Job>> {
        self.jobs_where("state IN ('pending', 'running') AND ?1 = ?1", "")
    }

    /// The last job of each action that was not cancelled.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn last_jobs(&self) -> Result<BTreeMap<String, Job>> {
        let jobs = self.jobs_where(
            "cancelled = 0 AND ?1 = ?1 AND number = (SELECT max(number) FROM job j WHERE j.action = job.action AND j.cancelled = 0)",
            "",
        )?;
        Ok(jobs.into_iter().map(|job| (job.action.clone(), job)).collect())
    }

    /// What the planner needs of the past.
    ///
    /// # Errors
    /// If the database or a store cannot be read.
    pub fn history(&self, layout: &Layout) -> Result<History> {
        let mut history = History::new();
        let level3 = SafeDir::open(&layout.level3()).ok();
        for (action, job) in self.last_jobs()? {
            let there = |path: &String| {
                level3
                    .as_ref()
                    .is_some_and(|folder| folder.file(path).is_ok_and(|file| file.is_some()))
            };
            let state = job.status.state();
            let outputs_missing = state == State::Succeeded && !job.outputs.keys().all(there);
            history.insert(
                action,
                Last {
                    state,
                    outputs_missing,
                },
            );
        }
        Ok(history)
    }

    /// Marks jobs that have not ended as cancelled; gives the actions that were marked. No names: all of them.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn cancel(&self, actions: &[String]) -> Result<Vec<String>> {
        let mut marked = Vec::new();
        for job in self.active_jobs()? {
            if actions.is_empty() || actions.contains(&job.action) {
                self.try_sql(|c| c.execute("UPDATE job SET cancelled = 1 WHERE id = ?1", [&job.id]))?;
                marked.push(job.action);
            }
        }
        Ok(marked)
    }

    pub(crate) fn put_code(&self, digest: &str, files: &BTreeMap<String, String>) -> Result<()> {
        self.try_sql(|c| {
            c.execute(
                "INSERT OR IGNORE INTO code (digest, files) VALUES (?1, ?2)",
                params![digest, json(files)],
            )?;
            Ok(())
        })
    }

    /// The code files of a digest: path and SHA-256.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn code(&self, digest: &str) -> Result<BTreeMap<String, String>> {
        let text = self.try_sql(|c| {
            c.query_row("SELECT files FROM code WHERE digest = ?1", [digest], |row| {
                row.get::<_, String>(0)
            })
            .optional()
        })?;
        Ok(text.and_then(|text| parse(&text)).unwrap_or_default())
    }

    pub(crate) fn set_flag(&self, name: &str, value: &str) -> Result<()> {
        self.try_sql(|c| {
            c.execute(
                "INSERT OR REPLACE INTO flag (name, value) VALUES (?1, ?2)",
                params![name, value],
            )?;
            Ok(())
        })
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<String>> {
        self.try_sql(|c| {
            c.query_row("SELECT value FROM flag WHERE name = ?1", [name], |row| row.get(0))
                .optional()
        })
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
