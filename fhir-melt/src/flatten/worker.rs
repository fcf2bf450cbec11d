use std::sync::Arc;

use fhir_crack::{Batch, Decoder, Options, Plan, Summary};
use table_description::{Defect, TableDescription};

use super::Open;
use super::lines::Piece;
use super::output::{Output, Text};
use crate::error::Error;

/// Cracks and melts pieces of a page on a thread of its own, into memory.
pub(super) struct Worker {
    decoder: Decoder,
    outputs: Vec<Output>,
    open: Open,
}

/// What a piece became.
pub(super) struct Flattened {
    /// Numbers of tables with what became of their batches, in the order of the batches.
    pub(super) parts: Vec<(usize, Part)>,
    pub(super) defects: Vec<Defect>,
    pub(super) summary: Summary,
    /// Bytes and line ends of the piece.
    pub(super) length: Place,
    /// Why the piece could not be cracked to its end; it counts from the piece's beginning.
    pub(super) fault: Option<fhir_crack::Error>,
    /// Why the first part of it that was set aside cannot be read; the others were.
    pub(super) rejected: Option<fhir_crack::Error>,
}

/// Bytes and line ends.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) bytes: u64,
    pub(super) lines: u64,
}

/// What became of a batch.
pub(super) enum Part {
    Text(Text),
    /// Rows too many to be held as text.
    Batch(Batch),
}

/// Rows of a batch held as text, at most.
const ROWS: u64 = 200_000;

impl Worker {
    pub(super) fn new(
        plan: &Arc<Plan>,
        mut options: Options,
        tables: &[Arc<TableDescription>],
        output: impl Fn(&Arc<TableDescription>, &mut Open) -> Result<Output, Error>,
    ) -> Result<Self, Error> {
        options.batch_bytes = usize::MAX;
        // Nothing is written to what is opened here: the texts are taken from the outputs.
        let mut open: Open = Box::new(|_| Ok(Box::new(std::io::sink())));
        let outputs = tables
            .iter()
            .map(|table| Ok(output(table, &mut open)?.keeping()))
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            decoder: Decoder::new(Arc::clone(plan), options),
            outputs,
            open,
        })
    }

    pub(super) fn flatten(&mut self, piece: &Piece) -> Result<Flattened, Error> {
        let before = self.decoder.summary().clone();
        let cracked = self
            .decoder
            .push(piece.text())
            .and_then(|()| self.decoder.end_page().map(drop));
        let mut flattened = Flattened {
            parts: Vec::new(),
            defects: Vec::new(),
            summary: self.decoder.summary().since(&before),
            length: Place {
                bytes: piece.text().len() as u64,
                lines: memchr::memchr_iter(b'\n', piece.text()).count() as u64,
            },
            fault: cracked.err(),
            rejected: None,
        };
        if flattened.fault.is_some() {
            self.decoder.abandon_page();
        }
        while let Some(rejected) = self.decoder.next_rejected() {
            flattened.rejected.get_or_insert_with(|| rejected.into_reason());
        }
        while let Some(batch) = self.decoder.next_batch() {
            let known = |output: &Output| Arc::ptr_eq(output.table(), batch.table());
            let Some(number) = self.outputs.iter().position(known) else {
                continue;
            };
            let output = &mut self.outputs[number];
            let rows = output.rows(&batch);
            let part = if rows.row_count() <= ROWS && !rows.leaves_out() {
                let mut defects = output.write_rows(&batch, rows, &mut self.open)?;
                flattened.defects.append(&mut defects);
                Part::Text(output.take())
            } else {
                Part::Batch(batch)
            };
            flattened.parts.push((number, part));
        }
        Ok(flattened)
    }
}
