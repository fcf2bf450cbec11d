use std::io::Write;
use std::sync::Arc;

use fhir_crack::{Batch, Notation};
use table_description::{Defect, MeltMode, TableDescription};

use super::{FlattenOptions, FlattenedTable, Open};
use crate::error::{Error, ErrorKind};
use crate::write::{Format, TableWriter};
use crate::{MeltOptions, Melted, Melter};

/// Where the rows of one table go.
pub(super) struct Output {
    melter: Melter,
    main: Named,
    /// Child tables by the path of their element.
    children: Vec<(String, Named)>,
    /// Resources above the row limit.
    raw: Option<Box<dyn Write + Send>>,
    table: Arc<TableDescription>,
    /// Source rows of the batches before.
    sources: u64,
}

struct Named {
    file: String,
    writer: TableWriter,
}

/// Rows melted at a time.
const ROWS: usize = 1 << 13;

impl Output {
    pub(super) fn new(
        table: &Arc<TableDescription>,
        options: &FlattenOptions,
        open: &mut Open,
    ) -> Result<Self, Error> {
        let mode = options.mode.clone();
        let child = *mode.as_ref().unwrap_or(&table.melt) == MeltMode::Child;
        let melt = MeltOptions {
            row_limit: options.row_limit,
            ..MeltOptions::streamed(table, mode)
        };
        let melter = Melter::new(table, &melt);
        let main = Named::new(table, "", options.format, open)?;
        let mut output = Self {
            melter,
            main,
            children: Vec::new(),
            raw: None,
            table: Arc::clone(table),
            sources: 0,
        };
        if child {
            // Child tables are the same from batch to batch, so all are opened before the first.
            let empty = Batch::empty(Arc::clone(table));
            let melted = output.melter.melt(&empty);
            output.main.writer.write(&melted, 0)?;
            for child in melted.children() {
                output
                    .child(&child, options.format, open)?
                    .writer
                    .write(&child, 0)?;
            }
        }
        Ok(output)
    }

    pub(super) fn table(&self) -> &Arc<TableDescription> {
        &self.table
    }

    /// Melts and writes a batch; the defects are handed back.
    pub(super) fn write(
        &mut self,
        batch: &Batch,
        options: &FlattenOptions,
        open: &mut Open,
    ) -> Result<Vec<Defect>, Error> {
        let mut defects = Vec::new();
        let mut rows = self.melter.stream(batch);
        loop {
            let melted = rows.take(ROWS);
            self.left_out(batch, melted.left_out(), open)?;
            let sources = self.sources;
            let mut write = |to: &mut TableWriter, melted: &Melted<'_>| -> Result<(), Error> {
                match &options.zone {
                    Some(zone) => defects.append(&mut to.write_typed(melted, sources, zone)?),
                    None => {
                        defects.append(&mut melted.defects());
                        to.write(melted, sources)?;
                    }
                }
                Ok(())
            };
            write(&mut self.main.writer, &melted)?;
            if melted.rows() == 0 {
                break;
            }
            for child in melted.children() {
                let named = self.child(&child, options.format, open)?;
                write(&mut named.writer, &child)?;
            }
        }
        self.sources += batch.rows() as u64;
        Ok(defects)
    }

    pub(super) fn finish(self, tables: &mut Vec<FlattenedTable>) -> Result<(), Error> {
        let children = self.children.into_iter().map(|(_, named)| named);
        for named in std::iter::once(self.main).chain(children) {
            tables.push(FlattenedTable {
                file: named.file,
                rows: named.writer.finish()?,
            });
        }
        if let Some(mut raw) = self.raw {
            raw.flush()
                .map_err(|error| Error::caused(ErrorKind::Write, error))?;
        }
        Ok(())
    }

    fn child(&mut self, child: &Melted<'_>, format: Format, open: &mut Open) -> Result<&mut Named, Error> {
        let element = child.element().unwrap_or_default();
        let known = self.children.iter().position(|(path, _)| path == element);
        let at = match known {
            Some(at) => at,
            None => {
                let part = format!(".{}", element.replace('/', "_"));
                self.children
                    .push((element.to_owned(), Named::new(&self.table, &part, format, open)?));
                self.children.len() - 1
            }
        };
        Ok(&mut self.children[at].1)
    }

    /// Writes resources above the row limit as they are, so that nothing is lost.
    fn left_out(&mut self, batch: &Batch, rows: &[u32], open: &mut Open) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        let raw = match &mut self.raw {
            Some(raw) => raw,
            None => {
                let names = self
                    .table
                    .columns
                    .iter()
                    .map(|column| Some(column.name.as_bytes()));
                write_record(names, &mut text);
                let file = format!("{}.raw.csv", self.table.name);
                self.raw
                    .insert(open(&file).map_err(|error| Error::caused(ErrorKind::Write, error))?)
            }
        };
        let notation = Notation::default();
        for &row in rows {
            let cells = (0..self.table.columns.len()).map(|column| {
                let mut cell = Vec::new();
                batch
                    .write_cell(row as usize, column, &notation, &mut cell)
                    .then_some(cell)
            });
            write_record(cells, &mut text);
        }
        raw.write_all(&text)
            .map_err(|error| Error::caused(ErrorKind::Write, error))
    }
}

impl Named {
    fn new(
        table: &Arc<TableDescription>,
        part: &str,
        format: Format,
        open: &mut Open,
    ) -> Result<Self, Error> {
        let file = format!("{}{part}.{}", table.name, format.as_str());
        let sink = open(&file).map_err(|error| Error::caused(ErrorKind::Write, error))?;
        Ok(Self {
            file,
            writer: TableWriter::new(table, format, sink),
        })
    }
}

/// Appends defects to their output, which is opened with the first.
pub(super) fn write_defects(
    defects: &[Defect],
    sink: &mut Option<Box<dyn Write + Send>>,
    open: &mut Open,
) -> Result<(), Error> {
    let failed = |error| Error::caused(ErrorKind::Write, error);
    let mut text = Vec::new();
    let sink = match sink {
        Some(sink) => sink,
        None => {
            text.extend_from_slice(b"table,resource_id,column,index,kind\n");
            sink.insert(open("defects.csv").map_err(failed)?)
        }
    };
    for defect in defects {
        let index = defect.index_text();
        let cells = [
            Some(defect.table.name.as_str()),
            defect.resource_id.as_deref(),
            Some(defect.column_name()),
            Some(index.as_str()),
            Some(defect.kind.as_str()),
        ];
        write_record(cells.map(|cell| cell.filter(|cell| !cell.is_empty())), &mut text);
    }
    sink.write_all(&text).map_err(failed)
}

fn write_record<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = Option<T>>, out: &mut Vec<u8>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if let Some(cell) = cell {
            crate::write::write_csv_cell(cell, out);
        }
    }
    out.push(b'\n');
}
