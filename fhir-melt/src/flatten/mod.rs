//! From pages to flat files in one streaming pass: crack, melt, type if wanted, write.

mod defect_file;
mod lines;
mod options;
mod output;
mod summary;
mod table_files;
mod worker;

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use fhir_crack::{Decoder, Duplicates, Plan, Summary, in_order, workers};
use table_description::{Description, MeltMode, TableDescription};

use crate::MeltOptions;
use crate::error::{Error, ErrorKind};
use crate::write::Format;
use defect_file::DefectFile;
pub(crate) use lines::Lines;
#[cfg(feature = "arrow")]
pub(crate) use lines::Piece;
use output::{Output, Typing};
use worker::{Flattened, Part, Place, Worker};

pub use options::FlattenOptions;
pub use summary::{FlattenSummary, FlattenedTable};
pub use table_files::TableFiles;

/// Opens an output by its file name, such as `observation.csv`.
pub type Open = Box<dyn FnMut(&str) -> io::Result<Box<dyn Write + Send>> + Send>;

/// Cracks, melts and writes pages as they come. Memory is bounded by a piece of a page, whatever the size of the input
/// and of the product of its repetitions.
///
/// Outputs are named after the tables: `observation.csv`; child tables `observation.code_coding.csv`; resources above
/// the row limit stand raw in `observation.raw.csv` and defects in `defects.csv`, where there are any.
pub struct Flatten {
    decoder: Decoder,
    /// In the order of the description.
    outputs: Vec<Output>,
    open: Open,
    defects: DefectFile,
    /// One a thread; none where one thread does all.
    #[expect(
        clippy::vec_box,
        reason = "each was made apart from the others, and side by side they would share cache lines"
    )]
    workers: Vec<Box<Worker>>,
    /// What the workers took in.
    worked: Summary,
    /// Why the first part of the page that was set aside cannot be read.
    rejected: Option<fhir_crack::Error>,
}

impl Flatten {
    /// Bytes asked of an input at a time.
    const READ: usize = 1 << 18;

    /// Opens one output a table of the description, internal tables left out.
    ///
    /// # Errors
    /// If a path of the description cannot be followed, or an output cannot be opened.
    pub fn new(description: &Description, options: FlattenOptions, mut open: Open) -> Result<Self, Error> {
        let FlattenOptions {
            mode,
            zone,
            precision,
            format,
            row_limit,
            threads,
            crack,
        } = options;
        let plan = Plan::new(description).map_err(|error| Error::caused(ErrorKind::Input, error))?;
        let plan = Arc::new(plan);
        let output = |table: &Arc<TableDescription>, open: &mut Open| {
            let melt = MeltOptions {
                row_limit,
                ..MeltOptions::streamed(table, mode.clone())
            };
            Output::new(table, &melt, format, Typing::of(zone.clone(), precision), open)
        };
        let tables: Vec<Arc<TableDescription>> = description.resources().cloned().collect();
        let outputs = tables
            .iter()
            .map(|table| output(table, &mut open))
            .collect::<Result<_, Error>>()?;
        // Parquet is no text; duplicates, and rows numbered in child tables, are known to one thread only.
        let alone = !matches!(format, Format::Csv | Format::NdJson)
            || crack.duplicates != Duplicates::Keep
            || tables.iter().any(|table| {
                let mode = mode.as_ref().unwrap_or(&table.melt);
                *mode == MeltMode::Child && table.position_of_path("id").is_none()
            });
        let workers = match threads {
            0 | 1 => Vec::new(),
            _ if alone => Vec::new(),
            _ => workers(threads, || Worker::new(&plan, crack.clone(), &tables, output))?,
        };
        Ok(Self {
            decoder: Decoder::new(plan, crack),
            outputs,
            open,
            defects: DefectFile::default(),
            workers,
            worked: Summary::default(),
            rejected: None,
        })
    }

    /// Reads one page to its end. Bulk data, one resource a line, is worked on by several threads if the options say so.
    ///
    /// # Errors
    /// If it cannot be read or cracked, or the rows cannot be written; also, at its end, if parts of it cannot be read
    /// ([`Faults`](fhir_crack::Faults)). Rows of the page that were complete stay written; another page can follow.
    pub fn read(&mut self, input: impl Read + Send) -> Result<(), Error> {
        if self.workers.is_empty() {
            return self.read_rest(input);
        }
        let lines = Lines::new(input).map_err(|error| Error::caused(ErrorKind::Input, error))?;
        if lines.is_bulk_data() {
            return self.read_lines(lines);
        }
        let (begun, rest) = lines.into_parts();
        self.push(&begun)?;
        self.read_rest(rest)
    }

    fn read_rest(&mut self, mut input: impl Read) -> Result<(), Error> {
        let mut buffer = vec![0; Self::READ];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => return self.end_page(),
                Ok(len) => self.push(&buffer[..len])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.or_abandon(Err(Error::caused(ErrorKind::Input, error))),
            }
        }
    }

    fn read_lines(&mut self, lines: Lines<impl Read + Send>) -> Result<(), Error> {
        let mut workers = std::mem::take(&mut self.workers);
        let mut before = Place::default();
        let read = in_order(
            lines,
            &mut workers,
            |worker, piece| {
                let piece = piece.map_err(|error| Error::caused(ErrorKind::Input, error))?;
                worker.flatten(&piece)
            },
            |flattened| self.append(flattened?, &mut before),
        );
        self.workers = workers;
        self.worked.pages += u64::from(read.is_ok());
        let read = read.and_then(|()| self.rest());
        self.or_abandon(read)
    }

    /// Writes what became of a piece of a page, which stands behind `before`.
    fn append(&mut self, flattened: Flattened, before: &mut Place) -> Result<(), Error> {
        self.worked.add(&Summary {
            pages: 0,
            ..flattened.summary
        });
        self.defects.write(&flattened.defects, &mut self.open)?;
        for (number, part) in flattened.parts {
            let Some(output) = self.outputs.get_mut(number) else {
                continue;
            };
            match part {
                Part::Text(text) => output.append(text)?,
                Part::Batch(batch) => {
                    let defects = output.write(&batch, &mut self.open)?;
                    self.defects.write(&defects, &mut self.open)?;
                }
            }
        }
        match flattened.fault {
            Some(fault) => {
                let fault = fault.behind(before.bytes, before.lines);
                Err(Error::caused(ErrorKind::Input, fault))
            }
            None => {
                if let Some(reason) = flattened.rejected {
                    let (bytes, lines) = (before.bytes, before.lines);
                    self.rejected.get_or_insert_with(|| reason.behind(bytes, lines));
                }
                before.bytes += flattened.length.bytes;
                before.lines += flattened.length.lines;
                Ok(())
            }
        }
    }

    /// Takes the next bytes of a page.
    ///
    /// # Errors
    /// As [`Flatten::read`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let pushed = self.decoder.push(bytes);
        let pushed = self
            .drain()
            .and(pushed.map_err(|error| Error::caused(ErrorKind::Input, error)));
        self.or_abandon(pushed)
    }

    /// Ends a page.
    ///
    /// # Errors
    /// As [`Flatten::read`], also if the page is not complete.
    pub fn end_page(&mut self) -> Result<(), Error> {
        let ended = self.decoder.end_page().map(|_| ());
        let ended = self
            .drain()
            .and(ended.map_err(|error| Error::caused(ErrorKind::Input, error)));
        let ended = ended.and_then(|()| self.rest());
        self.or_abandon(ended)
    }

    /// The fault of a page parts of which were set aside.
    fn rest(&mut self) -> Result<(), Error> {
        while let Some(rejected) = self.decoder.next_rejected() {
            self.rejected.get_or_insert_with(|| rejected.into_reason());
        }
        match self.rejected.take() {
            Some(reason) => Err(Error::caused(ErrorKind::Input, reason)),
            None => Ok(()),
        }
    }

    /// Completes all outputs and tells what was written.
    ///
    /// # Errors
    /// If an output cannot be written.
    pub fn finish(self) -> Result<FlattenSummary, Error> {
        let mut crack = self.decoder.summary().clone();
        crack.add(&self.worked);
        let mut tables = Vec::new();
        for output in self.outputs {
            output.finish(&mut tables)?;
        }
        Ok(FlattenSummary {
            crack,
            tables,
            defects: self.defects.finish()?,
        })
    }

    /// A page that failed is over: the next one begins with nothing of it.
    fn or_abandon(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        result.inspect_err(|_| {
            self.decoder.abandon_page();
            while self.decoder.next_batch().is_some() {}
            while self.decoder.next_rejected().is_some() {}
            self.rejected = None;
        })
    }

    fn drain(&mut self) -> Result<(), Error> {
        while let Some(batch) = self.decoder.next_batch() {
            let Some(output) = self
                .outputs
                .iter_mut()
                .find(|o| Arc::ptr_eq(o.table(), batch.table()))
            else {
                continue;
            };
            let defects = output.write(&batch, &mut self.open)?;
            self.defects.write(&defects, &mut self.open)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Flatten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flatten")
            .field("tables", &self.outputs.len())
            .finish_non_exhaustive()
    }
}
