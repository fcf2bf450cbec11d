//! The past: which versions there are, and which files each had.
//!
//! A row says when it was valid, not in which versions. A version's state is the one just before the next version's first
//! change; the newest version's is the present.

use serde::Serialize;

use super::{FileRow, Journal};
use crate::{Error, Result};

/// One version and what it brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionSummary {
    /// Its name.
    pub version: String,
    /// Files that it brought.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of them, files that are still active.
    pub active: u64,
    /// Of the active ones, files that wait to be sent.
    pub waiting: u64,
}

impl Journal {
    /// All versions, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn versions(&self) -> Result<Vec<VersionSummary>> {
        self.try_to("reading its versions", |database| {
            let mut statement = database.prepare(
                "SELECT v.VERSION, count(j.FILE_ID), coalesce(sum(j.SIZE), 0), \
                 count(j.FILE_ID) FILTER (WHERE j.TIME_INVALID_us IS NULL), \
                 count(j.FILE_ID) FILTER (WHERE j.TIME_INVALID_us IS NULL AND j.UPLOAD_DT_ID IS NULL) \
                 FROM versions v LEFT JOIN journal_v2 j ON j.VERSION_ID = v.id GROUP BY v.id ORDER BY v.VERSION",
            )?;
            let versions = statement.query_map([], |row| {
                let count = |at| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or_default());
                Ok(VersionSummary {
                    version: row.get(0)?,
                    files: count(1)?,
                    bytes: count(2)?,
                    active: count(3)?,
                    waiting: count(4)?,
                })
            })?;
            versions.collect()
        })
    }

    /// The newest version's name.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn newest_version(&self) -> Result<Option<String>> {
        self.try_to("reading its versions", |database| {
            database.query_row("SELECT max(VERSION) FROM versions", [], |row| row.get(0))
        })
    }

    /// The files that a version had, in the order of their paths: whatever version brought them.
    ///
    /// # Errors
    /// When the journal cannot be read or has no such version.
    pub fn files_of(&self, version: &str, modality: Option<&str>) -> Result<Vec<FileRow>> {
        let end = self.end_of(version)?;
        self.rows(
            "WHERE j.TIME_VALID_us <= ?1 AND (j.TIME_INVALID_us IS NULL OR j.TIME_INVALID_us > ?1) \
             AND (?2 IS NULL OR m.MODALITY = ?2) ORDER BY m.MODALITY, p.SRC_PATH, j.FILENAME",
            &[&end, &modality],
        )
    }

    /// The newest moment at which a row began or ended, in microseconds; 0 for an empty journal.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) fn last_moment(&self) -> Result<i64> {
        self.try_to("reading its rows", |database| {
            database.query_row(
                "SELECT coalesce(max(max(TIME_VALID_us, coalesce(TIME_INVALID_us, 0))), 0) FROM journal_v2",
                [],
                |row| row.get(0),
            )
        })
    }

    /// Every version of every file, in the order of their paths and times.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn all_rows(&self) -> Result<Vec<FileRow>> {
        self.rows(
            "ORDER BY m.MODALITY, p.SRC_PATH, j.FILENAME, j.TIME_VALID_us, j.FILE_ID",
            &[],
        )
    }

    /// The last moment of a version, in microseconds.
    fn end_of(&self, version: &str) -> Result<i64> {
        let versions = self.versions()?;
        let names: Vec<&str> = versions.iter().map(|v| v.version.as_str()).collect();
        let Some(at) = names.iter().position(|name| *name == version) else {
            return Err(Error::Version {
                version: crate::text::shown(version).into_owned(),
                what: match names.last() {
                    Some(newest) => format!("the journal has no such version; the newest is {newest}"),
                    None => "the journal has no version yet".to_owned(),
                },
            });
        };
        let last_of_own = self.first_or_last("max", version)?.unwrap_or(i64::MIN);
        for next in &names[at + 1..] {
            let by_history = self.update_began(next)?;
            let by_rows = self.first_or_last("min", next)?;
            if let Some(begun) = by_history.into_iter().chain(by_rows).min() {
                // The history knows seconds only: never before what the version itself brought.
                return Ok((begun - 1).max(last_of_own));
            }
        }
        Ok(i64::MAX)
    }

    /// The first or last moment at which a version brought a file. Rows that only took over another time of modification
    /// keep their version and are younger: they do not count as the version's last.
    fn first_or_last(&self, which: &'static str, version: &str) -> Result<Option<i64>> {
        let moment = format!(
            "SELECT {which}(first) FROM (SELECT min(j.TIME_VALID_us) AS first FROM journal_v2 j \
             JOIN versions v ON v.id = j.VERSION_ID WHERE v.VERSION = ?1 GROUP BY j.SRC_PATH_ID, j.FILENAME, j.MD5)"
        );
        self.try_to("reading its versions", |database| {
            database.query_row(&moment, [version], |row| row.get(0))
        })
    }

    /// When the scan of a version began, as the history has it.
    fn update_began(&self, version: &str) -> Result<Option<i64>> {
        self.try_to("reading its history", |database| {
            let mut statement = database.prepare(
                "SELECT DATETIME FROM command_history_v2 WHERE COMMAND = 'journal update' \
                 AND (' ' || PARAMS || ' ') LIKE '% --version ' || ?1 || ' %' ORDER BY COMMAND_ID LIMIT 1",
            )?;
            let found: Option<String> = statement
                .query_map([version], |row| row.get(0))?
                .next()
                .transpose()?;
            Ok(found.and_then(|text| {
                let text = text.trim_end_matches(" UTC").replace(' ', "T");
                let moment: jiff::Timestamp = format!("{text}Z").parse().ok()?;
                Some(moment.as_microsecond())
            }))
        })
    }
}
