//! Changes of a journal: each call is one transaction, so a crash leaves the journal as it was.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use super::Journal;
use super::row::split;
use crate::Result;

/// A file as a scan found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// The patient's id in its path.
    pub person: Option<String>,
    /// The path relative to the modality's root.
    pub path: String,
    /// The modality's name.
    pub modality: String,
    /// When it was modified, in microseconds since 1970-01-01T00:00:00Z.
    pub modified_us: i64,
    /// Bytes.
    pub size: u64,
    /// MD5 in hexadecimal digits.
    pub md5: String,
}

/// What a scan does to a journal. Numbers are those of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A file that was not there.
    Added(FoundFile),
    /// A file with other content than its active row.
    Updated {
        /// The row that is closed.
        old: i64,
        /// The file.
        file: FoundFile,
    },
    /// A file with the same content and another time of modification: its row is replaced by one with the new time, of
    /// the same version, sent or not as before.
    Touched {
        /// The row that is closed.
        old: i64,
        /// The new time of modification, in microseconds since 1970-01-01T00:00:00Z.
        modified_us: i64,
    },
    /// A file that is gone.
    Deleted {
        /// The row that is closed.
        old: i64,
    },
}

impl Journal {
    /// Applies the changes of one scan, all or none.
    ///
    /// # Errors
    /// When the journal cannot be written; it is unchanged then.
    pub fn apply(&mut self, version: &str, at_us: i64, changes: &[Change]) -> Result<()> {
        self.in_one("writing the scan", |transaction| {
            let mut names = Names::default();
            let version = names.id(transaction, VERSIONS, version)?;
            for change in changes {
                match change {
                    Change::Added(file) => add(transaction, &mut names, version, at_us, file)?,
                    Change::Updated { old, file } => {
                        close(transaction, *old, at_us)?;
                        add(transaction, &mut names, version, at_us, file)?;
                    }
                    Change::Touched { old, modified_us } => touch(transaction, *old, at_us, *modified_us)?,
                    Change::Deleted { old } => close(transaction, *old, at_us)?,
                }
            }
            Ok(())
        })
    }

    /// Marks rows as sent at a moment, given as `YYYYMMDDhhmmss` in UTC.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn mark_sent(&mut self, rows: &[i64], moment: &str) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.in_one("marking what was sent", |transaction| {
            let upload = Names::default().id(transaction, UPLOADS, moment)?;
            let mut update =
                transaction.prepare_cached("UPDATE journal_v2 SET UPLOAD_DT_ID = ?2 WHERE FILE_ID = ?1")?;
            for row in rows {
                update.execute([*row, upload])?;
            }
            Ok(())
        })
    }

    /// Closes the active rows of these paths; returns the paths that have none.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn mark_deleted(
        &mut self,
        modality: Option<&str>,
        paths: &[String],
        at_us: i64,
    ) -> Result<Vec<String>> {
        self.in_one("marking what was deleted", |transaction| {
            let mut update = transaction.prepare_cached(
                "UPDATE journal_v2 SET TIME_INVALID_us = ?1 WHERE TIME_INVALID_us IS NULL AND FILENAME = ?3 \
                 AND SRC_PATH_ID = (SELECT id FROM srcpaths WHERE SRC_PATH = ?2) \
                 AND (?4 IS NULL OR MODALITY_ID = (SELECT id FROM modalities WHERE MODALITY = ?4))",
            )?;
            let mut unknown = Vec::new();
            for path in paths {
                let (folder, name) = split(path);
                if update.execute(params![at_us, folder, name, modality])? == 0 {
                    unknown.push(path.clone());
                }
            }
            Ok(unknown)
        })
    }

    fn in_one<T>(
        &mut self,
        action: &'static str,
        what: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let done = self.database.transaction().and_then(|transaction| {
            let done = what(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.map_err(|source| self.database_error(action, source))
    }
}

/// A table of names and its column.
type Table = (&'static str, &'static str);
const VERSIONS: Table = ("versions", "VERSION");
const UPLOADS: Table = ("uploads", "UPLOAD_DT");
const MODALITIES: Table = ("modalities", "MODALITY");
const FOLDERS: Table = ("srcpaths", "SRC_PATH");

/// Numbers of names that were looked up in this transaction.
#[derive(Default)]
struct Names(HashMap<(&'static str, String), i64>);

impl Names {
    /// The number of a name, which is added where it is new.
    fn id(
        &mut self,
        transaction: &Transaction<'_>,
        (table, column): Table,
        name: &str,
    ) -> rusqlite::Result<i64> {
        let key = (table, name.to_owned());
        if let Some(&id) = self.0.get(&key) {
            return Ok(id);
        }
        transaction
            .prepare_cached(&format!("INSERT OR IGNORE INTO {table} ({column}) VALUES (?1)"))?
            .execute([name])?;
        let id = transaction
            .prepare_cached(&format!("SELECT id FROM {table} WHERE {column} = ?1"))?
            .query_row([name], |row| row.get(0))?;
        self.0.insert(key, id);
        Ok(id)
    }
}

fn add(
    transaction: &Transaction<'_>,
    names: &mut Names,
    version: i64,
    at_us: i64,
    file: &FoundFile,
) -> rusqlite::Result<()> {
    let (folder, name) = split(&file.path);
    let folder = names.id(transaction, FOLDERS, folder)?;
    let modality = names.id(transaction, MODALITIES, &file.modality)?;
    let size = i64::try_from(file.size).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO journal_v2 (PERSON_ID, SRC_PATH_ID, FILENAME, MODALITY_ID, SRC_MODTIME_us, SIZE, MD5, \
             TIME_VALID_us, VERSION_ID) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            file.person,
            folder,
            name,
            modality,
            file.modified_us,
            size,
            file.md5,
            at_us,
            version
        ])?;
    Ok(())
}

fn close(transaction: &Transaction<'_>, row: i64, at_us: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE journal_v2 SET TIME_INVALID_us = ?2 WHERE FILE_ID = ?1 AND TIME_INVALID_us IS NULL",
        )?
        .execute([row, at_us])?;
    Ok(())
}

fn touch(transaction: &Transaction<'_>, old: i64, at_us: i64, modified_us: i64) -> rusqlite::Result<()> {
    close(transaction, old, at_us)?;
    transaction
        .prepare_cached(
            "INSERT INTO journal_v2 (PERSON_ID, SRC_PATH_ID, FILENAME, MODALITY_ID, SRC_MODTIME_us, SIZE, MD5, \
             TIME_VALID_us, UPLOAD_DT_ID, VERSION_ID) \
             SELECT PERSON_ID, SRC_PATH_ID, FILENAME, MODALITY_ID, ?3, SIZE, MD5, ?2, UPLOAD_DT_ID, VERSION_ID \
             FROM journal_v2 WHERE FILE_ID = ?1",
        )?
        .execute([old, at_us, modified_us])?;
    Ok(())
}
