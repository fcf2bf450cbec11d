//! Compares files with the journal's active rows: what is new, changed, touched or gone.

use std::collections::HashMap;
use std::path::Path;

use super::place::Placed;
use super::report::{ModalityScan, Renamed, Unread};
use super::walk::{SeenFile, modified_us};
use crate::hash;
use crate::journal::{Change, FileRow, FoundFile};
use crate::progress::Progress;
use crate::side_by_side;

/// How often a file is read anew that changes while it is read.
const ATTEMPTS: u32 = 3;

/// The journal's active rows of one modality by path.
pub(super) struct Known(HashMap<String, FileRow>);

/// What is to be done, and what a modality's scan tells.
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    pub(super) scan: ModalityScan,
    pub(super) unread: Vec<Unread>,
    pub(super) hashed: u64,
    pub(super) hashed_bytes: u64,
}

impl Known {
    pub(super) fn new(rows: Vec<FileRow>) -> Self {
        Self(rows.into_iter().map(|row| (row.path.clone(), row)).collect())
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether a file is as its row says, by size and time of modification.
    fn is_unchanged(&self, file: &SeenFile) -> bool {
        self.0
            .get(&file.path)
            .is_some_and(|row| row.size == file.size && row.modified_us == file.modified_us)
    }

    /// Files that have to be read, and their bytes.
    pub(super) fn to_read(&self, files: &[Placed], rehash: bool) -> (u64, u64) {
        let open = files.iter().filter(|p| rehash || !self.is_unchanged(&p.file));
        open.fold((0, 0), |(count, bytes), placed| {
            (count + 1, bytes + placed.file.size)
        })
    }

    /// Compares a modality's files with its rows. `deletes` says whether a row whose file is gone is closed.
    pub(super) fn compare(
        mut self,
        modality: &str,
        root: &Path,
        files: Vec<Placed>,
        options: &Comparing<'_>,
    ) -> Compared {
        let mut done = Compared {
            changes: Vec::new(),
            scan: ModalityScan {
                modality: modality.to_owned(),
                ..ModalityScan::default()
            },
            unread: Vec::new(),
            hashed: 0,
            hashed_bytes: 0,
        };
        let mut open = Vec::new();
        for placed in files {
            if !options.rehash && self.is_unchanged(&placed.file) {
                self.0.remove(&placed.file.path);
                done.scan.kept += 1;
            } else {
                open.push(placed);
            }
        }
        let read = side_by_side::map(&open, options.threads, |placed| {
            let read = read(root, &placed.file);
            options.progress.advance(1, placed.file.size);
            read
        });
        for (placed, read) in open.into_iter().zip(read) {
            let row = self.0.remove(&placed.file.path);
            match read {
                Ok((file, md5)) => {
                    done.hashed += 1;
                    done.hashed_bytes += file.size;
                    done.take(row, modality, placed.person, file, md5);
                }
                Err(reason) => done.unread.push(Unread {
                    path: placed.file.path,
                    reason,
                }),
            }
        }
        if options.deletes {
            done.close(
                self.0
                    .into_values()
                    .filter(|row| !options.is_unread(&row.path))
                    .collect(),
            );
        }
        done
    }
}

/// How a comparison is done.
pub(super) struct Comparing<'c> {
    pub(super) rehash: bool,
    pub(super) deletes: bool,
    pub(super) threads: usize,
    /// Paths that could not be looked at.
    pub(super) unread: &'c [Unread],
    pub(super) progress: &'c dyn Progress,
}

impl Comparing<'_> {
    fn is_unread(&self, path: &str) -> bool {
        self.unread.iter().any(|unread| {
            unread.path.is_empty()
                || path
                    .strip_prefix(unread.path.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

impl Compared {
    fn take(
        &mut self,
        row: Option<FileRow>,
        modality: &str,
        person: Option<String>,
        file: SeenFile,
        md5: String,
    ) {
        let found = |file: SeenFile, md5| FoundFile {
            person,
            path: file.path,
            modality: modality.to_owned(),
            modified_us: file.modified_us,
            size: file.size,
            md5,
        };
        match row {
            None => {
                self.scan.added += 1;
                self.changes.push(Change::Added(found(file, md5)));
            }
            Some(row) if row.md5 == md5 && row.size == file.size => {
                if row.modified_us == file.modified_us {
                    self.scan.kept += 1;
                } else {
                    self.scan.touched += 1;
                    self.changes.push(Change::Touched {
                        old: row.id,
                        modified_us: file.modified_us,
                    });
                }
            }
            Some(row) => {
                self.scan.updated += 1;
                self.changes.push(Change::Updated {
                    old: row.id,
                    file: found(file, md5),
                });
            }
        }
    }

    /// Closes rows whose files are gone; a new file with the content of one of them is its new path.
    fn close(&mut self, mut gone: Vec<FileRow>) {
        gone.sort_unstable_by(|a, b| b.path.cmp(&a.path));
        let mut by_content: HashMap<(u64, &str), Vec<&FileRow>> = HashMap::new();
        for row in gone.iter().filter(|row| row.size > 0) {
            by_content
                .entry((row.size, row.md5.as_str()))
                .or_default()
                .push(row);
        }
        for change in &self.changes {
            if let Change::Added(file) = change
                && let Some(rows) = by_content.get_mut(&(file.size, file.md5.as_str()))
                && let Some(row) = rows.pop()
            {
                self.scan.renamed.push(Renamed {
                    from: row.path.clone(),
                    to: file.path.clone(),
                });
            }
        }
        self.scan.deleted = gone.len() as u64;
        self.changes
            .extend(gone.into_iter().rev().map(|row| Change::Deleted { old: row.id }));
    }
}

/// Reads a file that holds still while it is read.
fn read(root: &Path, seen: &SeenFile) -> Result<(SeenFile, String), String> {
    let path = root.join(&seen.path);
    let mut now = seen.clone();
    for _ in 0..ATTEMPTS {
        let (size, md5) = hash::of_file(&path).map_err(|e| e.kind().to_string())?;
        let metadata = std::fs::metadata(&path).map_err(|e| e.kind().to_string())?;
        let after = SeenFile {
            path: seen.path.clone(),
            modified_us: modified_us(&metadata),
            size: metadata.len(),
        };
        if after == now && size == after.size {
            return Ok((after, md5));
        }
        now = after;
    }
    Err("changes while it is read".to_owned())
}
