//! The past: which versions there are, and which files each had.
//!
//! A row says when it was valid, not in which versions. A version's state is the one just before the next version's first
//! change; the newest version's is the present.

use std::collections::BTreeMap;

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

impl VersionSummary {
    fn new(version: String) -> Self {
        Self {
            version,
            files: 0,
            bytes: 0,
            active: 0,
            waiting: 0,
        }
    }
}

impl Journal {
    /// All versions, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn versions(&self) -> Result<Vec<VersionSummary>> {
        self.try_to("reading its versions", |database| {
            let mut of: BTreeMap<i64, VersionSummary> = BTreeMap::new();
            let mut statement = database.prepare("SELECT id, VERSION FROM versions")?;
            let mut names = statement.query([])?;
            while let Some(row) = names.next()? {
                of.insert(row.get(0)?, VersionSummary::new(row.get(1)?));
            }
            // One walk over the rows: no index stands on their versions, and none may.
            let mut statement = database.prepare(
                "SELECT VERSION_ID, SIZE, TIME_INVALID_us IS NULL, UPLOAD_DT_ID IS NULL FROM journal_v2",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let Some(summary) = of.get_mut(&row.get(0)?) else {
                    continue;
                };
                let (active, unsent): (bool, bool) = (row.get(2)?, row.get(3)?);
                summary.files += 1;
                summary.bytes += u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
                summary.active += u64::from(active);
                summary.waiting += u64::from(active && unsent);
            }
            let mut versions: Vec<VersionSummary> = of.into_values().collect();
            versions.sort_by(|one, other| one.version.cmp(&other.version));
            Ok(versions)
        })
    }

    /// The names of all versions, oldest first.
    fn version_names(&self) -> Result<Vec<String>> {
        self.try_to("reading its versions", |database| {
            let mut statement = database.prepare("SELECT VERSION FROM versions ORDER BY VERSION")?;
            statement.query_map([], |row| row.get(0))?.collect()
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
        let names = self.version_names()?;
        let Some(at) = names.iter().position(|name| name == version) else {
            return Err(Error::Version {
                version: crate::text::shown(version).into_owned(),
                what: match names.last() {
                    Some(newest) => format!("the journal has no such version; the newest is {newest}"),
                    None => "the journal has no version yet".to_owned(),
                },
            });
        };
        let last_of_own = self.last_brought(version)?.unwrap_or(i64::MIN);
        for next in &names[at + 1..] {
            let by_history = self.update_began(next)?;
            let by_rows = self.first_brought(next)?;
            if let Some(begun) = by_history.into_iter().chain(by_rows).min() {
                // The history knows seconds only: never before what the version itself brought.
                return Ok((begun - 1).max(last_of_own));
            }
        }
        Ok(i64::MAX)
    }

    /// The first moment at which a version brought a file.
    fn first_brought(&self, version: &str) -> Result<Option<i64>> {
        self.try_to("reading its versions", |database| {
            database.query_row(
                "SELECT min(TIME_VALID_us) FROM journal_v2 WHERE VERSION_ID = (SELECT id FROM versions WHERE VERSION = ?1)",
                [version],
                |row| row.get(0),
            )
        })
    }

    /// The last moment at which a version brought a file. Rows that only took over another time of modification keep their
    /// version and are younger: they do not count.
    fn last_brought(&self, version: &str) -> Result<Option<i64>> {
        self.try_to("reading its versions", |database| {
            database.query_row(
                "SELECT max(first) FROM (SELECT min(TIME_VALID_us) AS first FROM journal_v2 \
                 WHERE VERSION_ID = (SELECT id FROM versions WHERE VERSION = ?1) GROUP BY SRC_PATH_ID, FILENAME, MD5)",
                [version],
                |row| row.get(0),
            )
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
