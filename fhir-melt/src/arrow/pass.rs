use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use fhir_crack::arrow::Unread;
use fhir_crack::{Decoder, Duplicates, Plan, Summary, in_order, workers};
use table_description::Description;

use super::event::Event;
use super::gather::Gather;
use super::jobs::{Input, Jobs};
use super::options::PassOptions;
use super::outputs::{Outputs, numbers_rows};
use super::worker::{Made, Part, Rest, Worker};
use crate::error::{Error, ErrorKind};

/// One pass over pages whose rows are handed on as record batches. Memory is bounded by a few pieces of the inputs,
/// whatever their size.
///
/// Outputs are named like the files of [`crate::flatten::Flatten`] without their ending: `observation`; child tables
/// `observation.code_coding`; resources above the row limit stand raw in `observation.raw`.
pub struct Pass {
    outputs: Arc<Outputs>,
    #[expect(
        clippy::vec_box,
        reason = "each was made apart from the others, and side by side they would share cache lines"
    )]
    workers: Vec<Box<Worker>>,
    /// For pages too large to be held.
    decoder: Decoder,
    summary: Summary,
}

/// Where delivery stands.
#[derive(Default)]
struct Standing {
    /// The input at hand, and bytes and line ends of it that are done with.
    input: u64,
    before: (u64, u64),
    /// Whether the rest of the input is passed over.
    ended: bool,
}

/// Bytes asked of an input at a time.
const READ: usize = 1 << 18;
/// Bytes of a page after which its rows are handed on.
const BATCH: usize = 1 << 20;

impl Pass {
    /// Prepares to go over pages.
    ///
    /// # Errors
    /// If a path of the description cannot be followed.
    pub fn new(description: &Description, options: PassOptions) -> Result<Self, Error> {
        let plan = Plan::new(description).map_err(|error| Error::caused(ErrorKind::Input, error))?;
        let plan = Arc::new(plan);
        // What one page shows of another, and numbers over all rows, one thread only can know.
        let alone = options.crack.duplicates != Duplicates::Keep || numbers_rows(description, &options);
        let threads = if alone { 1 } else { options.threads.max(1) };
        let mut crack = options.crack.clone();
        crack.batch_bytes = BATCH;
        let outputs = Arc::new(Outputs::new(description, options.clone()));
        let make = || Ok::<_, Error>(Worker::new(&plan, &outputs, &options));
        Ok(Self {
            workers: workers(threads, make)?,
            decoder: Decoder::new(Arc::clone(&plan), crack),
            summary: Decoder::new(plan, options.crack).summary().clone(),
            outputs,
        })
    }

    /// Names and schemas of the outputs, whether rows come for them or not.
    #[must_use]
    pub fn outputs(&self) -> &[(String, SchemaRef)] {
        &self.outputs.named
    }

    /// What became of the resources so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut all = self.summary.clone();
        all.add(self.decoder.summary());
        all
    }

    /// Reads inputs to their ends, several pieces side by side, and hands on what they give in their order. A fault ends
    /// its input at most; the next one follows.
    ///
    /// # Errors
    /// The first of `each`, which nothing follows; that of rows Arrow refuses.
    pub fn run<E: From<Error> + Send>(
        &mut self,
        inputs: impl Iterator<Item = Input> + Send,
        mut each: impl FnMut(Event) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let Self {
            outputs,
            workers,
            decoder,
            summary,
        } = self;
        let mut standing = Standing::default();
        let mut gather = Gather::new(&outputs.named, outputs.most_rows());
        in_order(
            Jobs::new(inputs),
            workers,
            |worker, job| worker.make(job),
            |made| {
                let mut each = |event| gather.take(event, &mut each);
                standing.deliver(made, outputs, decoder, summary, &mut each)
            },
        )?;
        gather.end(&mut each)
    }
}

impl Standing {
    fn deliver<E: From<Error>>(
        &mut self,
        made: Made,
        outputs: &Outputs,
        decoder: &mut Decoder,
        summary: &mut Summary,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        if made.input != self.input {
            *self = Self {
                input: made.input,
                ..Self::default()
            };
        }
        if self.ended {
            return Ok(());
        }
        match made.rest {
            Rest::Broken(error) => {
                self.ended = true;
                return each(Event::Broken(made.name, error));
            }
            Rest::Stream(bytes, rest) => return stream(&made.name, &bytes, rest, outputs, decoder, each),
            Rest::Nothing => {}
        }
        let (bytes, lines) = self.before;
        let pages = match made.lines {
            // Pieces of one page are one page.
            true => u64::from(self.before == (0, 0)),
            false => made.summary.pages,
        };
        summary.add(&Summary {
            pages,
            ..made.summary
        });
        for part in made.parts {
            match part {
                Part::Event(Event::Unread(mut unread)) => {
                    unread.reason = unread.reason.behind(bytes, lines);
                    each(Event::Unread(unread))?;
                }
                Part::Event(event) => each(event)?,
                Part::Batch(table, batch, before) => {
                    outputs.make(table, &batch, before, u64::MAX, each)?;
                }
                Part::Fault(error) => return Err(error.into()),
            }
        }
        if let Some(fault) = made.fault {
            self.ended = true;
            each(Event::Unread(Unread::page(
                &made.name,
                fault.behind(bytes, lines),
            )))?;
        }
        self.before = (bytes + made.length.0, lines + made.length.1);
        each(Event::Read(made.length.0))
    }
}

/// Goes over a page that is too large to be held.
fn stream<E: From<Error>>(
    name: &Arc<str>,
    begun: &[u8],
    mut rest: Box<dyn Read + Send>,
    outputs: &Outputs,
    decoder: &mut Decoder,
    each: &mut dyn FnMut(Event) -> Result<(), E>,
) -> Result<(), E> {
    let mut buffer = vec![0; READ];
    let mut pieces = begun.chunks(READ);
    loop {
        let (done, cracked, bytes) = match pieces.next() {
            Some(piece) => (false, decoder.push(piece), piece.len()),
            None => match rest.read(&mut buffer) {
                Ok(0) => (true, decoder.end_page().map(drop), 0),
                Ok(read) => (false, decoder.push(buffer.get(..read).unwrap_or_default()), read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    decoder.abandon_page();
                    return each(Event::Broken(Arc::clone(name), error));
                }
            },
        };
        while let Some(batch) = decoder.next_batch() {
            if let Some(table) = outputs.position(&batch) {
                let before = outputs.count(table, &batch);
                outputs.make(table, &batch, before, u64::MAX, each)?;
            }
        }
        while let Some(part) = decoder.next_rejected() {
            each(Event::Unread(Unread::part(name, part)))?;
        }
        each(Event::Read(bytes as u64))?;
        if let Err(fault) = cracked {
            decoder.abandon_page();
            return each(Event::Unread(Unread::page(name, fault)));
        }
        if done {
            return Ok(());
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("outputs", &self.outputs.named.len())
            .field("threads", &self.workers.len())
            .finish_non_exhaustive()
    }
}
