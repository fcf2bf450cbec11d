//! Reviewed level-4 files leave the workspace, each with an entry in a log whose lines are chained.

mod ledger;
mod verify;

use std::io;

pub use ledger::Entry;
pub use verify::{Verdict, verify};

use crate::record::{OutputRow, Record, now, stamp};
use crate::run::Lock;
use crate::store::disclosure::{self, Rules};
use crate::store::{Layout, SafeDir, copy_hashed};
use crate::{Error, ErrorKind, Level, Result};

/// How files are released.
#[derive(Clone, Debug, Default)]
pub struct ReleaseOptions {
    /// Who reviewed the files.
    pub reviewer: String,
    /// What the reviewer wants to say.
    pub comment: String,
    /// Whether the reviewer has seen small counts and lets them go.
    pub accept_small_cells: bool,
    /// What keeps files back.
    pub rules: Rules,
}

/// Copies files from `level4` to `released`, with an entry each in the log.
///
/// # Errors
/// At the first file that is no moderately sensitive output, was changed since it was stored, does not pass the checks, or has small
/// counts that were not accepted; nothing is released then. Or if the log was changed.
pub fn release(layout: &Layout, paths: &[String], options: &ReleaseOptions) -> Result<Vec<Entry>> {
    if options.reviewer.trim().is_empty() {
        let what = "a release needs the name of a reviewer".to_owned();
        return Err(ErrorKind::Option { what }.into());
    }
    let _lock = Lock::take(layout)?;
    let record = Record::open(layout)?;
    let chain = ledger::read(layout)?;
    verify::head_fits(layout, &record, &chain)?;
    let rows = record.outputs()?;
    let mut good = Vec::new();
    for path in paths {
        good.push(reviewed(layout, path, &rows, options)?);
    }
    let mut previous = chain
        .last()
        .map_or_else(ledger::beginning, |entry| entry.hash.clone());
    let mut entries = Vec::new();
    for (number, row) in good.into_iter().enumerate() {
        let entry = Entry {
            number: chain.len() + number + 1,
            time: stamp(now()),
            reviewer: options.reviewer.clone(),
            comment: options.comment.clone(),
            path: row.path.clone(),
            size: row.size,
            content_hash: row.digest.clone(),
            action: row.action.clone(),
            job: row.job.clone(),
            request: row.request.clone(),
            small_cells: row.small_cells,
            previous: previous.clone(),
            hash: String::new(),
        }
        .sealed();
        previous.clone_from(&entry.hash);
        copy(layout, row, &entry)?;
        record.set_flag("ledger_head", &format!("{} {}", entry.number, entry.hash))?;
        entries.push(entry);
    }
    Ok(entries)
}

/// The output of a path, if it may be released.
fn reviewed<'a>(
    layout: &Layout,
    path: &str,
    rows: &'a [OutputRow],
    options: &ReleaseOptions,
) -> Result<&'a OutputRow> {
    let refused = |why: String| {
        Error::from(ErrorKind::NotReleased {
            path: path.to_owned(),
            why,
        })
    };
    let of_path = || rows.iter().filter(|row| row.path == path);
    let row = of_path()
        .find(|row| !row.overwritten)
        .ok_or_else(|| refused("it is no output of this workspace".to_owned()))?;
    if of_path().any(|row| row.level != Level::ModeratelySensitive) {
        return Err(refused("it is not moderately sensitive".to_owned()));
    }
    if let Some(why) = &row.held {
        return Err(refused(format!("it is held back: {why}")));
    }
    let folder = layout.level4();
    let io = |source: io::Error| Error::read(&folder.join(path), source);
    let store = SafeDir::open(&folder).map_err(io)?;
    let mut file = store
        .file(path)
        .map_err(io)?
        .ok_or_else(|| refused("it is not in level4".to_owned()))?;
    let mut bytes = Vec::new();
    let (size, digest) = copy_hashed(
        &mut io::Read::take(&mut file, options.rules.most_bytes + 1),
        &mut bytes,
    )
    .map_err(io)?;
    if digest != row.digest {
        return Err(refused(
            "it was changed in level4 since it was checked".to_owned(),
        ));
    }
    let finding = disclosure::examine(path, size, || Ok(bytes), &options.rules).map_err(io)?;
    if let Some(why) = finding.held {
        return Err(refused(why));
    }
    if finding.small_cells > 0 && !options.accept_small_cells {
        return Err(refused(format!(
            "it has {} small counts; --accept-small-cells if they may go",
            finding.small_cells
        )));
    }
    Ok(row)
}

/// The entry first, then the file: a release that the log does not know cannot be.
fn copy(layout: &Layout, row: &OutputRow, entry: &Entry) -> Result<()> {
    let released = layout.released();
    let io = |source| Error::write(&released.join(&row.path), source);
    let staging = SafeDir::create(&layout.staging(), 0o700).map_err(io)?;
    let store = SafeDir::open(&layout.level4()).map_err(io)?;
    let mut from = store
        .file(&row.path)
        .map_err(io)?
        .ok_or_else(|| io(io::ErrorKind::NotFound.into()))?;
    let name = "release";
    let _ = staging.remove(name);
    let mut copy = staging.new_file(name, 0o640).map_err(io)?;
    let (_, digest) = copy_hashed(&mut from, &mut copy).map_err(io)?;
    copy.sync_all().map_err(io)?;
    if digest != row.digest {
        let why = "it was changed while it was released".to_owned();
        return Err(ErrorKind::NotReleased {
            path: row.path.clone(),
            why,
        }
        .into());
    }
    ledger::append(layout, entry)?;
    let target = SafeDir::create(&released, 0o750).map_err(io)?;
    target.take(&staging, name, &row.path, 0o750).map_err(io)
}
