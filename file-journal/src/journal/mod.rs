//! The journal: an SQLite file with one row a version of a file. It is opened, read and written here and nowhere else.

mod history;
mod past;
mod row;
mod schema;
mod write;

pub use history::{Command, PastCommand};
pub use past::VersionSummary;
pub use row::FileRow;
pub use write::{Change, FoundFile};

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::{Error, Result};
use schema::Found;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    database: Connection,
    path: PathBuf,
}

impl Journal {
    /// Opens a journal, or makes an empty one where no file is.
    ///
    /// # Errors
    /// When the file cannot be opened, has the first layout (`journal upgrade` converts it) or is something else.
    pub fn open(path: &Path) -> Result<Self> {
        let journal = Self::connect(path)?;
        match journal.try_to("reading its layout", schema::found)? {
            Found::Second => {}
            Found::Nothing => {
                let tables = format!("BEGIN IMMEDIATE;{}COMMIT;", schema::TABLES);
                journal.try_to("making its tables", |database| database.execute_batch(&tables))?;
            }
            Found::First => {
                return Err(journal.no("a journal of the first layout; `journal upgrade` converts it"));
            }
            Found::Other => return Err(journal.no("a database, but no journal")),
        }
        Ok(journal)
    }

    /// Opens a journal that is there already.
    ///
    /// # Errors
    /// As [`Journal::open`], and when no file is there.
    pub fn existing(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::NoJournal {
                path: path.to_owned(),
                what: "no journal is there; `journal update` makes one, `journal checkout` fetches the central one",
            });
        }
        Self::open(path)
    }

    /// Converts a journal of the first layout; returns how many rows it has, or `None` where it has the second already.
    /// The first layout's tables stay in the file.
    ///
    /// # Errors
    /// When the file cannot be opened or is no journal.
    pub fn upgrade(path: &Path) -> Result<Option<u64>> {
        let mut journal = Self::connect(path)?;
        match journal.try_to("reading its layout", schema::found)? {
            Found::Second => return Ok(None),
            Found::First => {}
            Found::Nothing | Found::Other => return Err(journal.no("no journal of the first layout")),
        }
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        journal.try_to("preparing the conversion", |database| {
            database.create_scalar_function("path_folder", 1, flags, |context| {
                Ok(row::split(&context.get::<String>(0)?).0.to_owned())
            })?;
            database.create_scalar_function("path_name", 1, flags, |context| {
                Ok(row::split(&context.get::<String>(0)?).1.to_owned())
            })
        })?;
        let transaction = journal.database.transaction();
        let converted = transaction.and_then(|transaction| {
            transaction.execute_batch(schema::TABLES)?;
            transaction.execute_batch(schema::UPGRADE)?;
            let has_history: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'command_history')",
                [],
                |row| row.get(0),
            )?;
            if has_history {
                transaction.execute_batch(history::UPGRADE)?;
            }
            let rows: i64 = transaction.query_row("SELECT count(*) FROM journal_v2", [], |row| row.get(0))?;
            transaction.commit()?;
            Ok(rows)
        });
        let rows = converted.map_err(|source| journal.database_error("converting it", source))?;
        Ok(Some(u64::try_from(rows).unwrap_or_default()))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All active rows of a modality.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn active(&self, modality: &str) -> Result<Vec<FileRow>> {
        self.rows(
            "WHERE j.TIME_INVALID_us IS NULL AND m.MODALITY = ?1",
            &[&modality],
        )
    }

    /// All active rows that have not been sent, in the order of their paths.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn waiting(&self, modality: &str) -> Result<Vec<FileRow>> {
        self.rows(
            "WHERE j.TIME_INVALID_us IS NULL AND j.UPLOAD_DT_ID IS NULL AND m.MODALITY = ?1 ORDER BY v.VERSION, p.SRC_PATH, j.FILENAME",
            &[&modality],
        )
    }

    /// Rows that were sent and hold this content, newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) fn sent_with(&self, modality: &str, size: u64, md5: &str) -> Result<Vec<FileRow>> {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.rows(
            "WHERE j.UPLOAD_DT_ID IS NOT NULL AND m.MODALITY = ?1 AND j.SIZE = ?2 AND j.MD5 = ?3 ORDER BY j.FILE_ID DESC",
            &[&modality, &size, &md5],
        )
    }

    /// Digests of everything that was sent, to know quickly what need not be looked for.
    pub(crate) fn sent_digests(&self, modality: &str) -> Result<std::collections::HashSet<String>> {
        self.try_to("reading what was sent", |database| {
            let mut statement = database.prepare(
                "SELECT DISTINCT j.MD5 FROM journal_v2 j JOIN modalities m ON m.id = j.MODALITY_ID \
                 WHERE j.UPLOAD_DT_ID IS NOT NULL AND m.MODALITY = ?1",
            )?;
            let digests = statement.query_map([modality], |row| row.get(0))?;
            digests.collect()
        })
    }

    fn rows(&self, condition: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<FileRow>> {
        self.try_to("reading its rows", |database| {
            let mut statement = database.prepare(&format!("{} {condition}", FileRow::SELECT))?;
            let rows = statement.query_map(values, FileRow::read)?;
            rows.collect()
        })
    }

    fn connect(path: &Path) -> Result<Self> {
        let failed = |source| Error::Database {
            action: "opening it",
            path: path.to_owned(),
            source,
        };
        let database = Connection::open(path).map_err(failed)?;
        database
            .busy_timeout(std::time::Duration::from_secs(5))
            .and_then(|()| database.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"))
            .map_err(failed)?;
        Ok(Self {
            database,
            path: path.to_owned(),
        })
    }

    fn try_to<T>(
        &self,
        action: &'static str,
        what: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        what(&self.database).map_err(|source| self.database_error(action, source))
    }

    fn database_error(&self, action: &'static str, source: rusqlite::Error) -> Error {
        Error::Database {
            action,
            path: self.path.clone(),
            source,
        }
    }

    fn no(&self, what: &'static str) -> Error {
        Error::NoJournal {
            path: self.path.clone(),
            what,
        }
    }
}
