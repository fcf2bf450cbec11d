//! Holds the central store against the journal. Nothing is written: a digest that was not made from the stored bytes proves
//! nothing and is never made up.

use serde::Serialize;

use crate::config::Config;
use crate::journal::{FileRow, Journal};
use crate::progress::Progress;
use crate::store::{self, Store};
use crate::{Result, side_by_side};

/// What is verified.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Files that this version brought; all versions where none is named.
    pub version: Option<String>,
    /// Only these modalities.
    pub modalities: Vec<String>,
    /// Reads every object and hashes its bytes.
    pub deep: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// Objects whose bytes were read and have the journal's digest.
    pub proven: u64,
    /// Objects with the journal's size whose stored digest is the journal's.
    pub by_digest: u64,
    /// Objects of the journal's size that have no stored digest: only `--deep` can tell.
    pub by_size_only: u64,
    /// What does not agree.
    pub wrong: Vec<Wrong>,
}

/// An object that is not as the journal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The object's path in the store.
    pub path: String,
    /// What is wrong.
    pub what: Difference,
}

/// What is wrong with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// It is not there.
    Missing,
    /// It has another number of bytes.
    Size,
    /// The digest stored with it is another.
    StoredDigest,
    /// Its bytes have another digest.
    Content,
    /// It could not be read.
    Unreadable,
    /// The row's path does not fit the configured pattern, so that nobody knows where it lies.
    Unplaced,
}

enum Outcome {
    Proven,
    ByDigest,
    BySizeOnly,
    Wrong(Wrong),
}

/// Verifies all files that were sent.
///
/// # Errors
/// When a store is not configured or the journal cannot be read.
pub fn verify(
    config: &Config,
    journal: &Journal,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let rows = journal.all_rows()?;
    for modality in config.selected(&options.modalities)? {
        let place = config.central_of(modality)?;
        let store = store::open(place)?;
        let wanted = |row: &&FileRow| {
            row.modality == modality.name
                && row.uploaded.is_some()
                && options
                    .version
                    .as_ref()
                    .is_none_or(|version| *version == row.version)
        };
        // A row whose file was only touched says the same of the same object.
        let mut objects: Vec<(String, &FileRow)> = Vec::new();
        for row in rows.iter().filter(wanted) {
            match modality.central_path(&row.path) {
                Some(path) => objects.push((format!("{}/{path}", row.version), row)),
                None => report.wrong.push(Wrong {
                    path: row.path.clone(),
                    what: Difference::Unplaced,
                }),
            }
        }
        // The newest row of a version is what lies at its path.
        objects.sort_by(|a, b| (&a.0, b.1.id).cmp(&(&b.0, a.1.id)));
        objects.dedup_by(|later, first| later.0 == first.0);
        progress.begin(
            "verify",
            objects.len() as u64,
            objects.iter().map(|(_, row)| row.size).sum(),
        );
        let outcomes = side_by_side::map(&objects, config.threads, |(path, row)| {
            let outcome = one(store.as_ref(), path, row, options.deep);
            progress.advance(1, row.size);
            outcome
        });
        progress.end();
        for outcome in outcomes {
            match outcome {
                Outcome::Proven => report.proven += 1,
                Outcome::ByDigest => report.by_digest += 1,
                Outcome::BySizeOnly => report.by_size_only += 1,
                Outcome::Wrong(wrong) => report.wrong.push(wrong),
            }
        }
    }
    Ok(report)
}

fn one(store: &dyn Store, path: &str, row: &FileRow, deep: bool) -> Outcome {
    let wrong = |what| {
        Outcome::Wrong(Wrong {
            path: path.to_owned(),
            what,
        })
    };
    let stored = match store.stat(path) {
        Ok(Some(stored)) => stored,
        Ok(None) => return wrong(Difference::Missing),
        Err(_) => return wrong(Difference::Unreadable),
    };
    if stored.size != row.size {
        return wrong(Difference::Size);
    }
    if stored.md5.as_ref().is_some_and(|md5| *md5 != row.md5) {
        return wrong(Difference::StoredDigest);
    }
    match (deep, stored.md5) {
        (true, _) => match store::proven(store, path) {
            Ok(Some(read)) if read.md5 == row.md5 && read.size == row.size => Outcome::Proven,
            Ok(Some(_)) => wrong(Difference::Content),
            Ok(None) => wrong(Difference::Missing),
            Err(_) => wrong(Difference::Unreadable),
        },
        (false, Some(_)) => Outcome::ByDigest,
        (false, None) => Outcome::BySizeOnly,
    }
}
