//! Rows of a run that wait for the hub: encoded while pages arrive, stored when everything has arrived and passed its
//! tests. They make it possible that the hub is held for seconds only.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cds_hub::load::{RawPart, TypedPart};
use table_description::TableDescription;
use work_dir::Layout;

use super::fault::file_error;
use crate::Result;

/// The directory of these files. What an earlier process left there is not used: it comes again from the pages.
#[derive(Debug)]
pub(crate) struct HubRows {
    dir: PathBuf,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Raw,
    Typed,
    /// Typed rows of raw rows that the hub has already, with their ids.
    Waited,
}

impl HubRows {
    /// What lies below a run's directory.
    pub(crate) fn of(layout: &Layout) -> Self {
        let dir = layout.root().join("hub_rows");
        Self { dir }
    }

    /// An empty directory below the run's.
    pub(crate) fn begin(layout: &Layout) -> Result<Self> {
        let rows = Self::of(layout);
        rows.remove()?;
        let made = DirBuilder::new().mode(0o700).create(&rows.dir);
        made.map_err(|e| file_error(&rows.dir, e))?;
        Ok(rows)
    }

    /// How many bytes wait for the hub.
    pub(crate) fn bytes(&self) -> Result<u64> {
        self.sizes(|_| true)
    }

    /// How many bytes of one table wait for the hub.
    pub(crate) fn bytes_of(&self, table: &str) -> Result<u64> {
        self.sizes(|path| path.file_stem().is_some_and(|stem| stem == table))
    }

    fn sizes(&self, is_meant: impl Fn(&Path) -> bool) -> Result<u64> {
        let sizes = || -> io::Result<u64> {
            let mut bytes = 0;
            for entry in std::fs::read_dir(&self.dir)? {
                let entry = entry?;
                if is_meant(&entry.path()) {
                    bytes += entry.metadata()?.len();
                }
            }
            Ok(bytes)
        };
        sizes().map_err(|e| file_error(&self.dir, e))
    }

    /// Where they lie; whatever else of a run's own lies there goes with them.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes everything.
    pub(crate) fn remove(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.dir) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(file_error(&self.dir, e)),
            _ => Ok(()),
        }
    }

    /// Adds raw rows and the typed rows made of them.
    pub(crate) fn add(&self, table: &str, raw: &RawPart, typed: &TypedPart) -> Result<()> {
        self.append(table, Kind::Raw, |out| raw.write(out))?;
        self.append(table, Kind::Typed, |out| typed.write(out))
    }

    /// Adds typed rows of raw rows that the hub has, with those rows' ids.
    pub(crate) fn add_waited(&self, table: &str, ids: &[i32], typed: &TypedPart) -> Result<()> {
        self.append(table, Kind::Waited, |out| {
            out.write_all(&(ids.len() as u64).to_le_bytes())?;
            ids.iter().try_for_each(|id| out.write_all(&id.to_le_bytes()))?;
            typed.write(out)
        })
    }

    fn append(
        &self,
        table: &str,
        kind: Kind,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<()> {
        let path = self.path(table, kind);
        let appended = || {
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).mode(0o600).open(&path)?;
            let mut out = BufWriter::with_capacity(1 << 20, file);
            write(&mut out)?;
            out.flush()
        };
        appended().map_err(|e| file_error(&path, e))
    }

    fn path(&self, table: &str, kind: Kind) -> PathBuf {
        let end = match kind {
            Kind::Raw => "raw",
            Kind::Typed => "typed",
            Kind::Waited => "waited",
        };
        self.dir.join(format!("{table}.{end}"))
    }

    /// The raw rows of a table, part by part.
    pub(crate) fn raw(&self, table: &Arc<TableDescription>) -> Result<Parts> {
        Parts::open(table, self.path(&table.name, Kind::Raw))
    }

    /// The typed rows of the same parts.
    pub(crate) fn typed(&self, table: &Arc<TableDescription>) -> Result<Parts> {
        Parts::open(table, self.path(&table.name, Kind::Typed))
    }

    /// The typed rows of raw rows that have waited in the hub.
    pub(crate) fn waited(&self, table: &Arc<TableDescription>) -> Result<Parts> {
        Parts::open(table, self.path(&table.name, Kind::Waited))
    }
}

/// A file of parts that is read from its beginning.
#[derive(Debug)]
pub(crate) struct Parts {
    table: Arc<TableDescription>,
    path: PathBuf,
    file: Option<BufReader<File>>,
    left: u64,
}

impl Parts {
    fn open(table: &Arc<TableDescription>, path: PathBuf) -> Result<Self> {
        let file = match File::open(&path) {
            Ok(file) => Some(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(file_error(&path, e)),
        };
        let left = match &file {
            Some(file) => file.metadata().map_err(|e| file_error(&path, e))?.len(),
            None => 0,
        };
        Ok(Self {
            table: Arc::clone(table),
            file: file.map(|file| BufReader::with_capacity(1 << 20, file)),
            path,
            left,
        })
    }

    /// The next raw rows.
    pub(crate) fn next_raw(&mut self) -> Result<Option<RawPart>> {
        let table = Arc::clone(&self.table);
        self.next(|from| RawPart::read(&table, from))
    }

    /// The next typed rows.
    pub(crate) fn next_typed(&mut self) -> Result<Option<TypedPart>> {
        let table = Arc::clone(&self.table);
        self.next(|from| TypedPart::read(&table, from))
    }

    /// The next typed rows of raw rows that have waited, and the ids of those.
    pub(crate) fn next_waited(&mut self) -> Result<Option<(Vec<i32>, TypedPart)>> {
        let table = Arc::clone(&self.table);
        self.next(|from| {
            let mut len = [0; 8];
            from.read_exact(&mut len)?;
            let mut ids = Vec::new();
            for _ in 0..u64::from_le_bytes(len) {
                let mut id = [0; 4];
                from.read_exact(&mut id)?;
                ids.push(i32::from_le_bytes(id));
            }
            Ok((ids, TypedPart::read(&table, from)?))
        })
    }

    fn next<T>(&mut self, read: impl FnOnce(&mut Counted<'_>) -> io::Result<T>) -> Result<Option<T>> {
        let Some(file) = self.file.as_mut().filter(|_| self.left > 0) else {
            return Ok(None);
        };
        let mut counted = Counted {
            file,
            left: self.left,
        };
        let part = read(&mut counted).map_err(|e| file_error(Path::new(&self.path), e))?;
        self.left = counted.left;
        Ok(Some(part))
    }
}

/// Counts what is read.
struct Counted<'f> {
    file: &'f mut BufReader<File>,
    left: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
