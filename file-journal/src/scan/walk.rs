//! Walks a folder: every file below it, what could not be read, and which files are links.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use walkdir::{DirEntry, WalkDir};

use super::report::Unread;
use crate::side_by_side;
use crate::{Error, Result};

/// Why a link is not followed.
const LOOP: &str = "a link leads back to a folder above it";

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenFile {
    /// Relative to the root, with `/` between its parts.
    pub(crate) path: String,
    /// When it was modified, in microseconds since 1970-01-01T00:00:00Z.
    pub(crate) modified_us: i64,
    /// Bytes.
    pub(crate) size: u64,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) files: Vec<SeenFile>,
    /// What could not be looked at: nothing below it counts as deleted.
    pub(crate) unread: Vec<Unread>,
    /// Files that are links, or lie below one.
    pub(crate) links: Vec<String>,
}

/// Walks a root; links are followed, as sites keep images on other disks.
pub(crate) fn walk(root: &Path, threads: usize) -> Result<Walked> {
    let first: Vec<PathBuf> = std::fs::read_dir(root)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
        .map_err(Error::file("reading the site's folder", root))?;
    let parts = side_by_side::map(&first, threads, |path| below(root, path));
    let mut all = Walked::default();
    for mut part in parts {
        all.files.append(&mut part.files);
        all.unread.append(&mut part.unread);
        all.links.append(&mut part.links);
    }
    all.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    all.unread.sort_unstable();
    all.links.sort_unstable();
    Ok(all)
}

fn below(root: &Path, start: &Path) -> Walked {
    let mut walked = Walked::default();
    let mut entries = WalkDir::new(start).follow_links(true).into_iter();
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {
                if entry.path_is_symlink() && leads_back(root, entry.path()) {
                    let path = relative(root, entry.path()).unwrap_or_else(|shown| shown);
                    walked.unread.push(Unread {
                        path,
                        reason: LOOP.to_owned(),
                    });
                    entries.skip_current_dir();
                }
            }
            Ok(entry) => take(root, &entry, &mut walked),
            Err(error) => {
                let path = error.path().unwrap_or(start);
                let reason = match (error.loop_ancestor(), error.io_error()) {
                    (Some(_), _) => LOOP.to_owned(),
                    (None, Some(error)) => error.kind().to_string(),
                    (None, None) => "cannot be read".to_owned(),
                };
                let path = relative(root, path).unwrap_or_else(|shown| shown);
                walked.unread.push(Unread { path, reason });
            }
        }
    }
    walked
}

/// Whether a link leads to the root or to a folder above it: walks begin below the root and cannot see that themselves.
fn leads_back(root: &Path, link: &Path) -> bool {
    match (root.canonicalize(), link.canonicalize()) {
        (Ok(root), Ok(target)) => root.starts_with(target),
        _ => false,
    }
}

fn take(root: &Path, entry: &DirEntry, walked: &mut Walked) {
    let path = match relative(root, entry.path()) {
        Ok(path) => path,
        Err(path) => {
            let reason = "its name is not UTF-8; rename it".to_owned();
            return walked.unread.push(Unread { path, reason });
        }
    };
    let metadata = match entry.metadata() {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => {
            let reason = "is neither file nor folder".to_owned();
            return walked.unread.push(Unread { path, reason });
        }
        Err(error) => {
            let reason = error
                .io_error()
                .map_or("cannot be read".to_owned(), |e| e.kind().to_string());
            return walked.unread.push(Unread { path, reason });
        }
    };
    if entry.path_is_symlink() {
        walked.links.push(path.clone());
    }
    walked.files.push(SeenFile {
        path,
        modified_us: modified_us(&metadata),
        size: metadata.len(),
    });
}

/// The time of modification, cut to microseconds; times before 1970 are negative.
pub(crate) fn modified_us(metadata: &std::fs::Metadata) -> i64 {
    let Ok(modified) = metadata.modified() else {
        return 0;
    };
    match modified.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    }
}

/// The path below the root with `/`; `Err` holds a readable form of a path that is not UTF-8.
fn relative(root: &Path, path: &Path) -> std::result::Result<String, String> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut text = String::new();
    for part in below.components() {
        let Some(part) = part.as_os_str().to_str() else {
            return Err(below.to_string_lossy().into_owned());
        };
        if !text.is_empty() {
            text.push('/');
        }
        text.push_str(part);
    }
    Ok(text)
}
