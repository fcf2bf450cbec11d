use std::sync::Arc;

use fhir_crack::{Batch, Decoder, Options, Summary};

use crate::compile::Program;
use crate::eval::{Rows, Sink};
use crate::output::{Format, Text};
use crate::{Error, ErrorKind, Views};

/// Makes the rows of a view from the resources of a batch. `resources` counts them; those that `wanted` refuses give none.
pub(crate) fn rows_of(
    program: &Program,
    batch: &Batch,
    row_limit: u64,
    resources: &mut u64,
    wanted: impl Fn(usize) -> bool,
    sink: &mut impl Sink,
) -> Result<(), Error> {
    let Some(first) = batch.outline(0) else {
        return Ok(());
    };
    let mut rows = Rows::new(program, first, row_limit);
    for row in 0..batch.rows() {
        *resources += 1;
        let Some(outline) = batch.outline(row).filter(|_| wanted(row)) else {
            continue;
        };
        rows.resource(outline, sink).map_err(|(reason, pointer)| {
            Error::new(ErrorKind::Resource {
                view: program.view.clone(),
                pointer: pointer.to_owned(),
                resource: *resources,
                reason,
            })
        })?;
    }
    Ok(())
}

/// Makes rows of pieces of bulk data on a thread of its own, into memory.
pub(crate) struct Worker<'v> {
    views: &'v Views,
    decoder: Decoder,
    texts: Vec<Text>,
    row_limit: u64,
}

/// What a piece became.
pub(crate) struct Made {
    /// The lines of each view, how many they are, and values that are not of their column's type.
    pub(crate) texts: Vec<(Vec<u8>, u64, Vec<u64>)>,
    /// Resources each view was asked about.
    pub(crate) resources: Vec<u64>,
    pub(crate) summary: Summary,
    /// Bytes and line ends of the piece.
    pub(crate) length: (u64, u64),
    /// Why the piece could not be gone through to its end; it counts from the piece's beginning.
    pub(crate) fault: Option<Error>,
    /// What of it was set aside; counted likewise.
    pub(crate) unread: Unread,
}

/// Parts of a page that could not be cracked.
#[derive(Default)]
pub(crate) struct Unread {
    pub(crate) parts: u64,
    /// Why the first one could not.
    pub(crate) first: Option<fhir_crack::Error>,
}

impl Unread {
    pub(crate) fn add(&mut self, reason: fhir_crack::Error) {
        self.parts += 1;
        self.first.get_or_insert(reason);
    }

    /// Adds those of a piece that stands behind these bytes and line ends.
    pub(crate) fn append(&mut self, piece: Self, (bytes, lines): (u64, u64)) {
        self.parts += piece.parts;
        let first = piece.first.map(|error| error.behind(bytes, lines));
        self.first = self.first.take().or(first);
    }
}

impl<'v> Worker<'v> {
    pub(crate) fn new(views: &'v Views, mut crack: Options, format: Format, row_limit: u64) -> Self {
        crack.batch_bytes = usize::MAX;
        let json = format == Format::NdJson;
        Self {
            views,
            decoder: Decoder::new(Arc::clone(&views.plan), crack),
            texts: views
                .programs
                .iter()
                .map(|program| Text::new(program, json))
                .collect(),
            row_limit,
        }
    }

    pub(crate) fn make(&mut self, piece: &[u8]) -> Made {
        let before = self.decoder.summary().clone();
        let cracked = self
            .decoder
            .push(piece)
            .and_then(|()| self.decoder.end_page().map(drop));
        let mut resources = vec![0; self.texts.len()];
        let mut fault = None;
        while let Some(batch) = self.decoder.next_batch() {
            let each = self
                .views
                .programs
                .iter()
                .zip(&mut self.texts)
                .zip(&mut resources);
            for ((program, text), resources) in each {
                if program.resource == batch.table().name && fault.is_none() {
                    fault = rows_of(program, &batch, self.row_limit, resources, |_| true, text).err();
                }
            }
        }
        let mut unread = Unread::default();
        while let Some(rejected) = self.decoder.next_rejected() {
            unread.add(rejected.into_reason());
        }
        if let Err(error) = cracked {
            self.decoder.abandon_page();
            fault = fault.or(Some(Error::new(ErrorKind::Input(error))));
        }
        Made {
            texts: self.texts.iter_mut().map(Text::take).collect(),
            resources,
            summary: self.decoder.summary().since(&before),
            length: (
                piece.len() as u64,
                memchr::memchr_iter(b'\n', piece).count() as u64,
            ),
            fault,
            unread,
        }
    }
}
