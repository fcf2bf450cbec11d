//! From pages to the rows of views in one pass.

use std::fmt;
use std::io::{self, Read, Write};

use std::collections::HashSet;

use fhir_crack::{Batch, Decoder, Duplicates, Faults, Summary, in_order, workers};

use crate::output::{Format, Text, Writer};
use crate::pieces::Pieces;
use crate::worker::{Made, Unread, Worker, rows_of};
use crate::{Error, ErrorKind, Views};

/// Opens an output by its file name, such as `patient_demographics.csv`.
pub type Open<'o> = dyn FnMut(&str) -> io::Result<Box<dyn Write + Send>> + 'o;

/// How to run views.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunOptions {
    /// Format of the outputs.
    pub format: Format,
    /// Most rows of a view one resource may give.
    pub row_limit: u64,
    /// Threads that share the work on bulk data in CSV or NDJSON.
    pub threads: usize,
    /// Whether a resource that came before, by type and id, gives no rows again; costs memory for every resource.
    pub distinct: bool,
    /// Most rows of a view in all; the rest of the input is passed over once every view has as many. All where not given.
    pub limit: Option<u64>,
    /// Whether CSV begins with a line of names.
    pub header: bool,
    /// How pages are cracked; duplicates are always kept.
    pub crack: fhir_crack::Options,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            format: Format::default(),
            row_limit: 10_000_000,
            threads: 1,
            distinct: false,
            limit: None,
            header: true,
            crack: fhir_crack::Options::default(),
        }
    }
}

/// What a run gave.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// What became of the resources.
    pub crack: Summary,
    /// What the views gave, in their order.
    pub views: Vec<ViewSummary>,
}

/// What a view gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewSummary {
    /// Name of the view.
    pub view: String,
    /// Name of its output.
    pub file: String,
    /// Rows written.
    pub rows: u64,
    /// Names of columns with values that are not of the column's type, and how many; those cells are empty.
    pub misfits: Vec<(String, u64)>,
}

/// Runs views over pages as they come. Memory is bounded by a piece of a page and the rows of one resource, whatever the
/// size of the input.
///
/// Rows come in the order of the resources in the input; those of one resource in the order of its elements, of selects
/// beside each other the first varying slowest, of branches of a union one after the other.
pub struct Run<'v> {
    views: &'v Views,
    decoder: Decoder,
    outputs: Vec<Output>,
    row_limit: u64,
    /// Resources so far, by view.
    resources: Vec<u64>,
    /// Types and ids so far, where none is to come twice.
    seen: Option<HashSet<String>>,
    /// One a thread; none where one thread does all.
    #[expect(
        clippy::vec_box,
        reason = "each was made apart from the others, and side by side they would share cache lines"
    )]
    workers: Vec<Box<Worker<'v>>>,
    /// What the workers took in.
    worked: Summary,
    /// What of the page at hand was set aside.
    unread: Unread,
}

struct Output {
    file: String,
    writer: Writer,
    text: Text,
}

/// Bytes asked of an input at a time.
const READ: usize = 1 << 18;

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("views", &self.views)
            .finish_non_exhaustive()
    }
}

fn write(error: io::Error) -> Error {
    Error::new(ErrorKind::Write(error))
}

impl<'v> Run<'v> {
    /// Opens an output a view.
    ///
    /// # Errors
    /// If an output cannot be opened.
    pub fn new(views: &'v Views, options: RunOptions, open: &mut Open<'_>) -> Result<Self, Error> {
        let RunOptions {
            format,
            row_limit,
            threads,
            distinct,
            limit,
            header,
            mut crack,
        } = options;
        crack.duplicates = Duplicates::Keep;
        crack.faults = Faults::SetAside;
        let outputs = views.programs.iter().map(|program| {
            let file = format!("{}.{}", program.view, format.extension());
            let out = open(&file).map_err(write)?;
            let mut output = Output {
                file,
                writer: Writer::new(format, header, program, out).map_err(write)?,
                text: Text::new(program, format == Format::NdJson),
            };
            output.limit(limit.unwrap_or(u64::MAX));
            Ok(output)
        });
        let alone =
            threads < 2 || distinct || limit.is_some() || !matches!(format, Format::Csv | Format::NdJson);
        let workers = match alone {
            true => Vec::new(),
            false => workers(threads, || {
                Ok::<_, Error>(Worker::new(views, crack.clone(), format, row_limit))
            })?,
        };
        Ok(Self {
            seen: distinct.then(HashSet::new),
            unread: Unread::default(),
            workers,
            worked: Summary::default(),
            decoder: Decoder::new(views.plan.clone(), crack),
            outputs: outputs.collect::<Result<_, Error>>()?,
            views,
            row_limit,
            resources: vec![0; views.programs.len()],
        })
    }

    /// Reads one page to its end. Bulk data, one resource a line, is worked on by several threads if the options say so.
    ///
    /// # Errors
    /// If it cannot be read or cracked, a resource does not fit a view, or the rows cannot be written. An entry or line that
    /// cannot be cracked is set aside: the rows of all others are written, then the first such fault is the error.
    pub fn read(&mut self, input: impl Read + Send) -> Result<(), Error> {
        if self.outputs.iter().all(Output::is_full) {
            return Ok(());
        }
        if self.workers.is_empty() {
            return self.read_rest(input);
        }
        let pieces = Pieces::new(input).map_err(|error| Error::new(ErrorKind::Read(error)))?;
        if pieces.is_bulk_data() {
            return self.read_pieces(pieces);
        }
        let (begun, rest) = pieces.into_parts();
        self.push(&begun)?;
        self.read_rest(rest)
    }

    fn read_pieces(&mut self, pieces: Pieces<impl Read + Send>) -> Result<(), Error> {
        let mut workers = std::mem::take(&mut self.workers);
        let mut before = (0, 0);
        let read = in_order(
            pieces,
            &mut workers,
            |worker, piece| piece.map(|piece| worker.make(&piece)),
            |made| {
                let made = made.map_err(|error| Error::new(ErrorKind::Read(error)))?;
                self.append(made, &mut before)
            },
        );
        self.workers = workers;
        self.worked.pages += u64::from(read.is_ok());
        let read = read.and_then(|()| self.whole());
        self.or_abandon(read)
    }

    /// Whether nothing of the page was set aside.
    fn whole(&mut self) -> Result<(), Error> {
        let Unread { parts, first } = std::mem::take(&mut self.unread);
        first.map_or(Ok(()), |first| {
            Err(Error::new(ErrorKind::SetAside { parts, first }))
        })
    }

    /// Writes what became of a piece of a page, which stands behind `before`, in bytes and line ends.
    fn append(&mut self, made: Made, before: &mut (u64, u64)) -> Result<(), Error> {
        self.worked.add(&Summary {
            pages: 0,
            ..made.summary
        });
        for (output, (text, rows, misfits)) in self.outputs.iter_mut().zip(made.texts) {
            output.text.add(rows, &misfits);
            match &mut output.writer {
                Writer::Text(out) => out.write_all(&text).map_err(write)?,
                #[cfg(feature = "arrow")]
                Writer::Arrow(_) => {}
            }
        }
        self.unread.append(made.unread, *before);
        if let Some(fault) = made.fault {
            return Err(fault.behind(*before, |view| {
                let at = self.views.names().position(|name| name == view);
                at.and_then(|at| self.resources.get(at))
                    .copied()
                    .unwrap_or_default()
            }));
        }
        for (all, more) in self.resources.iter_mut().zip(made.resources) {
            *all += more;
        }
        *before = (before.0 + made.length.0, before.1 + made.length.1);
        Ok(())
    }

    fn read_rest(&mut self, mut input: impl Read) -> Result<(), Error> {
        let mut buffer = vec![0; READ];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => return self.end_page(),
                Ok(len) => {
                    self.push(&buffer[..len])?;
                    if self.outputs.iter().all(Output::is_full) {
                        self.decoder.abandon_page();
                        return self.whole();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.or_abandon(Err(Error::new(ErrorKind::Read(error)))),
            }
        }
    }

    /// Takes the next bytes of a page.
    ///
    /// # Errors
    /// As [`Run::read`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let pushed = self.decoder.push(bytes);
        let pushed = self
            .drain()
            .and(pushed.map_err(|error| Error::new(ErrorKind::Input(error))));
        self.or_abandon(pushed)
    }

    /// Ends a page.
    ///
    /// # Errors
    /// As [`Run::read`], also if the page is not complete.
    pub fn end_page(&mut self) -> Result<(), Error> {
        let ended = self.decoder.end_page().map(drop);
        let ended = self
            .drain()
            .and(ended.map_err(|error| Error::new(ErrorKind::Input(error))));
        let ended = ended.and_then(|()| self.whole());
        self.or_abandon(ended)
    }

    /// A page that failed is over: the next one begins with nothing of it.
    fn or_abandon(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        result.inspect_err(|_| {
            self.decoder.abandon_page();
            while self.decoder.next_batch().is_some() {}
            while self.decoder.next_rejected().is_some() {}
            self.unread = Unread::default();
        })
    }

    fn drain(&mut self) -> Result<(), Error> {
        while let Some(batch) = self.decoder.next_batch() {
            self.batch(&batch)?;
        }
        while let Some(rejected) = self.decoder.next_rejected() {
            self.unread.add(rejected.into_reason());
        }
        Ok(())
    }

    /// Makes the rows of the resources of one type.
    fn batch(&mut self, batch: &Batch) -> Result<(), Error> {
        let views = self.views;
        let wanted = self.seen.as_mut().map(|seen| first_seen(views, batch, seen));
        let wanted = |row: usize| {
            let wanted = wanted.as_ref().and_then(|wanted| wanted.get(row));
            wanted.copied().unwrap_or(true)
        };
        let each = views
            .programs
            .iter()
            .zip(&mut self.outputs)
            .zip(&mut self.resources);
        for ((program, output), resources) in each {
            if program.resource != batch.table().name {
                continue;
            }
            match &mut output.writer {
                Writer::Text(_) => rows_of(
                    program,
                    batch,
                    self.row_limit,
                    resources,
                    wanted,
                    &mut output.text,
                ),
                #[cfg(feature = "arrow")]
                Writer::Arrow(writer) => {
                    rows_of(program, batch, self.row_limit, resources, wanted, &mut **writer)
                }
            }?;
            output.flush().map_err(write)?;
        }
        Ok(())
    }

    /// Completes all outputs and tells what was written.
    ///
    /// # Errors
    /// If an output cannot be written.
    pub fn finish(self) -> Result<RunSummary, Error> {
        let mut views = Vec::new();
        for (program, mut output) in self.views.programs.iter().zip(self.outputs) {
            output.flush().map_err(write)?;
            let (rows, misfits) = output.counts();
            let named = program.columns.iter().zip(misfits);
            let misfits = named
                .filter(|(_, count)| *count > 0)
                .map(|(column, count)| (column.name.clone(), count));
            views.push(ViewSummary {
                view: program.view.clone(),
                misfits: misfits.collect(),
                file: output.file,
                rows,
            });
            output.writer.finish().map_err(write)?;
        }
        let mut crack = self.decoder.summary().clone();
        crack.add(&self.worked);
        Ok(RunSummary { crack, views })
    }
}

impl Output {
    fn limit(&mut self, rows: u64) {
        self.text.limit = rows;
        match &mut self.writer {
            Writer::Text(_) => {}
            #[cfg(feature = "arrow")]
            Writer::Arrow(writer) => writer.limit = rows,
        }
    }

    fn is_full(&self) -> bool {
        match &self.writer {
            Writer::Text(_) => self.text.rows >= self.text.limit,
            #[cfg(feature = "arrow")]
            Writer::Arrow(writer) => writer.rows >= writer.limit,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Writer::Text(out) => {
                out.write_all(&self.text.out)?;
                self.text.out.clear();
                Ok(())
            }
            #[cfg(feature = "arrow")]
            Writer::Arrow(writer) => writer.flush(),
        }
    }

    fn counts(&self) -> (u64, Vec<u64>) {
        match &self.writer {
            Writer::Text(_) => (self.text.rows, self.text.misfits.clone()),
            #[cfg(feature = "arrow")]
            Writer::Arrow(writer) => (writer.rows, writer.misfits.clone()),
        }
    }
}

/// Which resources of a batch did not come before.
fn first_seen(views: &Views, batch: &Batch, seen: &mut HashSet<String>) -> Vec<bool> {
    let type_name = &batch.table().name;
    let rows = (0..batch.rows()).map(|row| {
        let id = batch.outline(row).and_then(|outline| views.id_of(outline));
        id.is_none_or(|id| seen.insert(format!("{type_name}/{id}")))
    });
    rows.collect()
}
