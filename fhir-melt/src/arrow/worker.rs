use std::io;
use std::ops::Range;
use std::sync::Arc;

use fhir_crack::arrow::Unread;
use fhir_crack::{Batch, Decoder, Duplicates, Plan, Summary};

use super::event::Event;
use super::jobs::{Job, Kind, Values};
use super::options::PassOptions;
use super::outputs::Outputs;
use crate::error::Error;

/// Makes record batches of pieces of inputs, on a thread of its own.
pub(super) struct Worker {
    decoder: Decoder,
    outputs: Arc<Outputs>,
    /// Whether values may be cracked several at a time; not where each is remembered.
    joins: bool,
    /// Values cracked together.
    joined: Vec<u8>,
}

/// What a job became.
pub(super) struct Made {
    pub(super) input: u64,
    pub(super) name: Arc<str>,
    pub(super) parts: Vec<Part>,
    pub(super) summary: Summary,
    /// Bytes and line ends of the piece.
    pub(super) length: (u64, u64),
    /// Why the piece could not be cracked to its end; places count from its beginning.
    pub(super) fault: Option<fhir_crack::Error>,
    pub(super) rest: Rest,
    /// Whether it is a piece of a page, and not one or several.
    pub(super) lines: bool,
}

/// What is left for whoever delivers.
pub(super) enum Rest {
    /// Nothing: a piece of lines, a page or values.
    Nothing,
    /// A page too large to be held.
    Stream(Vec<u8>, Box<dyn io::Read + Send>),
    Broken(io::Error),
}

/// What a piece gave, in its order.
pub(super) enum Part {
    Event(Event),
    /// Rows too many to be held, the number of their table, and of the source rows before.
    Batch(usize, Batch, u64),
    Fault(Error),
}

/// Rows of a batch held as record batches, at most.
const ROWS: u64 = 1 << 20;

impl Worker {
    pub(super) fn new(plan: &Arc<Plan>, outputs: &Arc<Outputs>, options: &PassOptions) -> Self {
        let mut crack = options.crack.clone();
        crack.batch_bytes = usize::MAX;
        Self {
            joins: crack.duplicates == Duplicates::Keep,
            decoder: Decoder::new(Arc::clone(plan), crack),
            outputs: Arc::clone(outputs),
            joined: Vec::new(),
        }
    }

    pub(super) fn make(&mut self, job: Job) -> Made {
        let mut made = Made {
            input: job.input,
            name: job.name,
            parts: Vec::new(),
            summary: Summary::default(),
            length: (0, 0),
            fault: None,
            rest: Rest::Nothing,
            lines: matches!(job.kind, Kind::Lines(_)),
        };
        match job.kind {
            Kind::Broken(error) => made.rest = Rest::Broken(error),
            Kind::Stream(bytes, rest) => made.rest = Rest::Stream(bytes, rest),
            Kind::Page(bytes) => self.page(&bytes, &mut made),
            Kind::Lines(piece) => self.page(piece.text(), &mut made),
            Kind::Values(values, rows) => self.values(&values, rows, &mut made),
        }
        made
    }

    fn page(&mut self, bytes: &[u8], made: &mut Made) {
        made.length = (
            bytes.len() as u64,
            memchr::memchr_iter(b'\n', bytes).count() as u64,
        );
        let (summary, unread, fault) = self.crack(bytes);
        made.summary = summary;
        self.rows(made);
        for part in unread {
            let unread = Unread::part(&made.name, part);
            made.parts.push(Part::Event(Event::Unread(unread)));
        }
        made.fault = fault;
    }

    /// Cracks a page; its batches wait in the decoder.
    fn crack(&mut self, bytes: &[u8]) -> (Summary, Vec<fhir_crack::Rejected>, Option<fhir_crack::Error>) {
        let before = self.decoder.summary().clone();
        let cracked = self.decoder.push(bytes);
        let fault = cracked.and_then(|()| self.decoder.end_page().map(drop)).err();
        if fault.is_some() {
            self.decoder.abandon_page();
        }
        let unread = std::iter::from_fn(|| self.decoder.next_rejected()).collect();
        (self.decoder.summary().since(&before), unread, fault)
    }

    /// Takes the batches that are ready.
    fn rows(&mut self, made: &mut Made) {
        while let Some(batch) = self.decoder.next_batch() {
            let Some(table) = self.outputs.position(&batch) else {
                continue;
            };
            let before = self.outputs.count(table, &batch);
            let parts = &mut made.parts;
            let took = self.outputs.make(table, &batch, before, ROWS, &mut |event| {
                parts.push(Part::Event(event));
                Ok::<(), Error>(())
            });
            match took {
                Ok(true) => {}
                Ok(false) => made.parts.push(Part::Batch(table, batch, before)),
                Err(error) => made.parts.push(Part::Fault(error)),
            }
        }
    }

    /// Cracks values, each a page of its own. Resources in JSON go together, which spares work for each; where something
    /// is wrong with them they are gone through one by one, so that no value meets another.
    fn values(&mut self, values: &Values, rows: Range<usize>, made: &mut Made) {
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        let mut first = rows.start;
        for at in rows.clone() {
            let Some(value) = values.get(at) else { continue };
            made.length.0 += value.len() as u64;
            if self.joins && is_object(value) {
                joined.extend_from_slice(value);
                joined.push(b'\n');
                continue;
            }
            self.together(&joined, values, first..at, made);
            joined.clear();
            self.alone(value, values.row(at), made);
            first = at + 1;
        }
        self.together(&joined, values, first..rows.end, made);
        self.joined = joined;
    }

    fn together(&mut self, joined: &[u8], values: &Values, rows: Range<usize>, made: &mut Made) {
        if joined.is_empty() {
            return;
        }
        let (mut summary, unread, fault) = self.crack(joined);
        if unread.is_empty() && fault.is_none() {
            summary.pages = rows.filter(|&at| values.get(at).is_some()).count() as u64;
            made.summary.add(&summary);
            self.rows(made);
            return;
        }
        while self.decoder.next_batch().is_some() {}
        for at in rows {
            if let Some(value) = values.get(at) {
                self.alone(value, values.row(at), made);
            }
        }
    }

    fn alone(&mut self, value: &[u8], row: u64, made: &mut Made) {
        let (summary, unread, fault) = self.crack(value);
        made.summary.add(&summary);
        self.rows(made);
        let name: Arc<str> = format!("{}row {row}", made.name).into();
        let unread = unread.into_iter().map(|part| Unread::part(&name, part));
        let fault = fault.map(|fault| Unread::page(&name, fault));
        let unread = unread
            .chain(fault)
            .map(|unread| Part::Event(Event::Unread(unread)));
        made.parts.extend(unread);
    }
}

/// Whether bytes look like one JSON object: behind each other, with a line end between them, objects stay what they are,
/// since inside of one a comma would stand between its braces.
fn is_object(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    value.starts_with(b"{") && value.ends_with(b"}")
}
