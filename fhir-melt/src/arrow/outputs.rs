use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::SchemaRef;
use fhir_crack::arrow::raw_schema;
use fhir_crack::{Batch, Notation};
use table_description::{Defect, Description, MeltMode, TableDescription};

use super::event::Event;
use super::layout::RowLayout;
use super::lists::ListLayout;
use super::options::{PassOptions, Rows};
use crate::error::{Error, ErrorKind};
use crate::{MeltOptions, Melted, Melter};

/// What the batches of all tables become. Shared by all workers.
pub(super) struct Outputs {
    tables: Vec<Output>,
    options: PassOptions,
    /// Names and schemas by number.
    pub(super) named: Vec<(String, SchemaRef)>,
}

struct Output {
    table: Arc<TableDescription>,
    made: Made,
    /// Rows of the batches before; right where batches come in order.
    sources: AtomicU64,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one a table, and none is moved"
)]
enum Made {
    Raw(usize),
    Lists(usize, ListLayout),
    Melted {
        melter: Melter,
        main: (usize, RowLayout),
        /// By the path of their element.
        children: Vec<(String, usize, RowLayout)>,
        /// Resources above the row limit, as raw rows.
        left_out: usize,
    },
}

impl Outputs {
    pub(super) fn new(description: &Description, options: PassOptions) -> Self {
        let mut named = Vec::new();
        let mut tables: Vec<Output> = description
            .resources()
            .map(|table| Output::new(table, &options, &mut named))
            .collect();
        for output in &mut tables {
            if let Made::Melted { left_out, .. } = &mut output.made {
                *left_out = named.len();
                let schema = Arc::new(raw_schema(&output.table, options.arrow.profile));
                named.push((format!("{}.raw", output.table.name), schema));
            }
        }
        Self {
            tables,
            options,
            named,
        }
    }

    /// Position of a batch's table; none for one that has no output.
    pub(super) fn position(&self, batch: &Batch) -> Option<usize> {
        self.tables
            .iter()
            .position(|output| Arc::ptr_eq(&output.table, batch.table()))
    }

    /// Counts the source rows of a batch and says how many came before.
    pub(super) fn count(&self, table: usize, batch: &Batch) -> u64 {
        self.tables.get(table).map_or(0, |output| {
            output.sources.fetch_add(batch.rows() as u64, Ordering::Relaxed)
        })
    }

    /// Hands on the rows of a batch in chunks; `false`, and none handed on, if they are more than `most`.
    pub(super) fn make<E: From<Error>>(
        &self,
        table: usize,
        batch: &Batch,
        first_source: u64,
        most: u64,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Some(output) = self.tables.get(table) else {
            return Ok(true);
        };
        let profile = self.options.arrow.profile;
        match &output.made {
            Made::Raw(number) => {
                let Rows::Raw(notation) = &self.options.rows else {
                    return Ok(true);
                };
                let batches = batch.to_record_batches(&self.named[*number].1, notation, profile);
                let batches = batches.map_err(|error| Error::caused(ErrorKind::Frame, error))?;
                self.rows(*number, batches, each)?;
            }
            Made::Lists(number, layout) => {
                let mut defects = Vec::new();
                let rows = layout.record_batch(batch, &self.options.arrow, &mut defects)?;
                self.rows(*number, vec![rows], each)?;
                self.defects(defects, each)?;
            }
            Made::Melted { melter, .. } => {
                let mut rows = melter.stream(batch);
                if rows.row_count() > most {
                    return Ok(false);
                }
                loop {
                    let melted = rows.take(self.most_rows());
                    self.melted(output, batch, &melted, first_source, each)?;
                    if melted.rows() == 0 {
                        break;
                    }
                }
            }
        }
        Ok(true)
    }

    fn melted<E: From<Error>>(
        &self,
        output: &Output,
        batch: &Batch,
        melted: &Melted<'_>,
        first_source: u64,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let Made::Melted {
            main,
            children,
            left_out,
            ..
        } = &output.made
        else {
            return Ok(());
        };
        if !melted.left_out().is_empty() {
            let schema = &self.named[*left_out].1;
            let profile = self.options.arrow.profile;
            let raw = batch.to_record_batch_of(melted.left_out(), schema, &Notation::default(), profile);
            let raw = raw.map_err(|error| Error::caused(ErrorKind::Frame, error))?;
            self.rows(*left_out, vec![raw], each)?;
        }
        let mut defects = Vec::new();
        let batches = self.record(melted, &main.1, first_source, &mut defects)?;
        self.defects(defects, each)?;
        if melted.rows() == 0 {
            return Ok(());
        }
        self.rows(main.0, batches, each)?;
        for child in melted.children() {
            let element = child.element().unwrap_or_default();
            let Some((_, number, layout)) = children.iter().find(|(known, ..)| known == element) else {
                continue;
            };
            let mut defects = Vec::new();
            let batches = self.record(&child, layout, first_source, &mut defects)?;
            self.rows(*number, batches, each)?;
            self.defects(defects, each)?;
        }
        Ok(())
    }

    fn record(
        &self,
        melted: &Melted<'_>,
        layout: &RowLayout,
        first_source: u64,
        defects: &mut Vec<Defect>,
    ) -> Result<Vec<arrow_array::RecordBatch>, Error> {
        match &self.options.rows {
            Rows::Typed(zone) => {
                let (typed, mut found) = melted.typed_without_texts(zone);
                defects.append(&mut found);
                layout.record_batches(melted, Some(&typed), first_source, defects)
            }
            _ => {
                defects.append(&mut melted.defects());
                layout.record_batches(melted, None, first_source, defects)
            }
        }
    }

    /// Rows of a record batch, at most.
    pub(super) fn most_rows(&self) -> usize {
        self.options.batch_rows.max(1)
    }

    /// Hands on record batches, none larger than asked for.
    fn rows<E>(
        &self,
        number: usize,
        batches: Vec<arrow_array::RecordBatch>,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let most = self.most_rows();
        for batch in batches {
            let rows = batch.num_rows();
            if rows <= most {
                if rows > 0 {
                    each(Event::Rows(number, batch))?;
                }
                continue;
            }
            for start in (0..rows).step_by(most) {
                each(Event::Rows(number, batch.slice(start, most.min(rows - start))))?;
            }
        }
        Ok(())
    }

    fn defects<E>(
        &self,
        defects: Vec<Defect>,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        if defects.is_empty() {
            return Ok(());
        }
        each(Event::Defects(defects))
    }
}

impl Output {
    fn new(
        table: &Arc<TableDescription>,
        options: &PassOptions,
        named: &mut Vec<(String, SchemaRef)>,
    ) -> Self {
        let mut name = |part: String, schema: &SchemaRef| {
            named.push((format!("{}{part}", table.name), Arc::clone(schema)));
            named.len() - 1
        };
        let profile = options.arrow.profile;
        let made = match &options.rows {
            Rows::Raw(_) => Made::Raw(name(String::new(), &Arc::new(raw_schema(table, profile)))),
            Rows::Lists(zone) => {
                let layout = ListLayout::new(table, zone, &options.arrow);
                Made::Lists(name(String::new(), layout.schema()), layout)
            }
            Rows::Text | Rows::Typed(_) => {
                let melt = MeltOptions {
                    row_limit: options.row_limit,
                    ..MeltOptions::streamed(table, options.mode.clone())
                };
                let melter = Melter::new(table, &melt);
                let typed = matches!(options.rows, Rows::Typed(_));
                // Columns and child tables are the same from batch to batch.
                let empty = Batch::empty(Arc::clone(table));
                let melted = melter.melt(&empty);
                let layout = RowLayout::new(&melted, typed, &options.arrow);
                let main = (name(String::new(), layout.schema()), layout);
                let children = melted.children().into_iter().map(|child| {
                    let element = child.element().unwrap_or_default().to_owned();
                    let layout = RowLayout::new(&child, typed, &options.arrow);
                    let number = name(format!(".{}", element.replace('/', "_")), layout.schema());
                    (element, number, layout)
                });
                let children = children.collect();
                Made::Melted {
                    melter,
                    main,
                    children,
                    left_out: 0,
                }
            }
        };
        Self {
            table: Arc::clone(table),
            made,
            sources: AtomicU64::new(0),
        }
    }
}

/// Whether rows of these tables are numbered, which one thread only can do.
pub(super) fn numbers_rows(description: &Description, options: &PassOptions) -> bool {
    matches!(options.rows, Rows::Text | Rows::Typed(_))
        && description.resources().any(|table| {
            let mode = options.mode.as_ref().unwrap_or(&table.melt);
            *mode == MeltMode::Child && table.position_of_path("id").is_none()
        })
}
