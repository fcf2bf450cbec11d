//! Brings the files of a past version back from the central store.

use std::path::Path;

use serde::Serialize;

use crate::config::Config;
use crate::journal::{FileRow, Journal};
use crate::progress::Progress;
use crate::scan::Unread;
use crate::store::{self, Store};
use crate::{Error, Result, hash, side_by_side};

/// What is restored.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// The version.
    pub version: String,
    /// Only this file, or what lies below this folder of the site.
    pub path: Option<String>,
    /// Only these modalities.
    pub modalities: Vec<String>,
}

/// What was restored.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RestoreReport {
    /// Files written, each with the journal's digest.
    pub restored: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there already, with the same content.
    pub there_already: u64,
    /// What could not be brought back.
    pub missing: Vec<Unread>,
}

/// Writes the files that a version had below `to`, in a folder a modality, under the site's paths.
///
/// # Errors
/// When the journal has no such version, the folder cannot be written, or a store is not configured.
pub fn restore(
    config: &Config,
    journal: &Journal,
    options: &RestoreOptions,
    to: &Path,
    progress: &dyn Progress,
) -> Result<RestoreReport> {
    let mut report = RestoreReport::default();
    for modality in config.selected(&options.modalities)? {
        let store = store::open(config.central_of(modality)?)?;
        let mut rows = journal.files_of(&options.version, Some(&modality.name))?;
        rows.retain(|row| is_below(&row.path, options.path.as_deref()));
        progress.begin(
            "restore",
            rows.len() as u64,
            rows.iter().map(|row| row.size).sum(),
        );
        let folder = to.join(&modality.name);
        let done = side_by_side::map(&rows, config.threads, |row| {
            let central = modality.central_path(&row.path);
            let done = one(store.as_ref(), central, row, &folder);
            progress.advance(1, row.size);
            done
        });
        progress.end();
        for (row, done) in rows.into_iter().zip(done) {
            match done {
                Ok(true) => {
                    report.restored += 1;
                    report.bytes += row.size;
                }
                Ok(false) => report.there_already += 1,
                Err(reason) => report.missing.push(Unread {
                    path: row.path,
                    reason,
                }),
            }
        }
    }
    Ok(report)
}

fn is_below(path: &str, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| {
        let wanted = wanted.trim_end_matches('/');
        path.strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether the file was written; `false` where it was there already.
fn one(
    store: &dyn Store,
    central: Option<String>,
    row: &FileRow,
    folder: &Path,
) -> std::result::Result<bool, String> {
    let central = central.ok_or("its path does not fit the configured pattern")?;
    if row.uploaded.is_none() {
        return Err("it was never sent".to_owned());
    }
    if row.path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("its path leads out of the folder".to_owned());
    }
    let target = folder.join(&row.path);
    if let Ok((size, md5)) = hash::of_file(&target) {
        return match size == row.size && md5 == row.md5 {
            true => Ok(false),
            false => Err("another file lies there".to_owned()),
        };
    }
    let object = format!("{}/{central}", row.version);
    let mut reader = store
        .get(&object)
        .map_err(|e| e.to_string())?
        .ok_or("it is not in the store")?;
    write(&target, &mut reader, row).map_err(|e| match e {
        Error::Refused(what) => what,
        other => other.to_string(),
    })?;
    Ok(true)
}

fn write(target: &Path, reader: &mut dyn std::io::Read, row: &FileRow) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let failed = |e| Error::file("writing", target)(e);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::io::copy(reader, &mut file).map_err(failed)?;
    let (size, md5) = hash::of_file(file.path()).map_err(failed)?;
    if size != row.size || md5 != row.md5 {
        return Err(Error::Refused(
            "the store holds other bytes than were sent".to_owned(),
        ));
    }
    file.persist_noclobber(target).map_err(|e| failed(e.error))?;
    Ok(())
}
