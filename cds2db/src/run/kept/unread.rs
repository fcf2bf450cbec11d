//! Parts of pages that could not be read, kept as they came: a file each, and a line that says where it stood and why.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Mutex;

use fhir_crack::Rejected;
use serde::{Deserialize, Serialize};
use work_dir::{Digest, Layout};

use super::fault::{file_error, lock};
use crate::Result;

/// Directory of a run that holds them.
const DIRECTORY: &str = "unread";
/// Its list, a JSON object a line.
const LIST: &str = "list.ndjson";
/// Of a type that no table takes, or of none.
const OTHER: &str = "other";
/// Files of this kind written by one run, at most; behind them only their number is told.
const FILES: usize = 10_000;
/// Bytes of such files, at most.
const BYTES: u64 = 1 << 30;

/// A part of a page that could not be read, as the list has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadPart {
    /// File beside the list that holds its bytes.
    pub file: String,
    /// Table whose resource it seems to be; `other` where that cannot be told.
    pub table: String,
    /// Number of the batch it came with, counted from 0.
    pub batch: u32,
    /// Page of the batch, counted from 1.
    pub page: u32,
    /// Line of the page on which it begins, counted from 1.
    pub line: u64,
    /// Byte of the page at which it begins, counted from 0.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// Why it cannot be read, and where in the page.
    pub reason: String,
}

/// The parts of a run's pages that could not be read.
#[derive(Debug)]
pub(crate) struct Unread {
    dir: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    names: BTreeSet<String>,
    bytes: u64,
}

impl Unread {
    pub(super) fn of(layout: &Layout) -> Result<Self> {
        let parts = Self::list(layout)?;
        let kept = Kept {
            bytes: parts.iter().map(|part| part.bytes).sum(),
            names: parts.into_iter().map(|part| part.file).collect(),
        };
        Ok(Self {
            dir: layout.root().join(DIRECTORY),
            kept: Mutex::new(kept),
        })
    }

    /// What a run has kept.
    ///
    /// # Errors
    /// When the list is there and cannot be read.
    pub(crate) fn list(layout: &Layout) -> Result<Vec<UnreadPart>> {
        let path = layout.root().join(DIRECTORY).join(LIST);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(file_error(&path, e)),
        };
        // A process that died may have left half a line; the part comes again with its page.
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    /// Keeps a part; one that was kept before, with the same bytes of the same table, is not kept twice. Says whether it is
    /// new.
    pub(crate) fn keep(&self, part: &Rejected, table: Option<&str>, batch: u32, page: u32) -> Result<bool> {
        let table = table.unwrap_or(OTHER);
        let bytes = part.bytes();
        let file = format!("{table}.{:.32}.part", name(bytes));
        let mut kept = lock(&self.kept);
        if !kept.names.insert(file.clone()) {
            return Ok(false);
        }
        let size = bytes.len() as u64;
        if kept.names.len() > FILES || kept.bytes + size > BYTES {
            return Ok(true);
        }
        kept.bytes += size;
        let place = part.place();
        let line = UnreadPart {
            table: table.to_owned(),
            batch,
            page,
            line: place.line,
            offset: place.offset,
            bytes: size,
            reason: crate::error::chain(part.reason()),
            file,
        };
        self.write(&line, bytes).map_err(|e| file_error(&self.dir, e))?;
        Ok(true)
    }

    /// What is to be said of them.
    pub(crate) fn remark(&self) -> Option<String> {
        let count = lock(&self.kept).names.len();
        let text = || {
            format!(
                "{count} resources or other parts of pages cannot be read; they are kept in {} and asked for again",
                self.dir.display()
            )
        };
        (count > 0).then(text)
    }

    fn write(&self, line: &UnreadPart, bytes: &[u8]) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        work_dir::replace(&self.dir.join(&line.file), bytes)?;
        let mut options = OpenOptions::new();
        let mut list = options
            .append(true)
            .create(true)
            .mode(0o600)
            .open(self.dir.join(LIST))?;
        let text = serde_json::to_string(line)? + "\n";
        list.write_all(text.as_bytes())?;
        list.sync_data()
    }
}

/// A name that other bytes do not have.
fn name(bytes: &[u8]) -> String {
    let hex: String = bytes
        .iter()
        .filter(|byte| !byte.is_ascii())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Digest::of([&*String::from_utf8_lossy(bytes), &hex]).to_string()
}
