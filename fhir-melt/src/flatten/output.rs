use std::io::Write;
use std::sync::Arc;

use fhir_crack::{Batch, Notation};
use table_description::typing::Zone;
use table_description::{Defect, MeltMode, TableDescription};

use super::{FlattenedTable, Open};
use crate::error::{Error, ErrorKind};
use crate::write::{Format, TableWriter, write_csv_line};
use crate::{MeltOptions, Melted, Melter, Rows};

/// Where the rows of one table go.
pub(super) struct Output {
    table: Arc<TableDescription>,
    melter: Melter,
    format: Format,
    typing: Option<Typing>,
    main: Named,
    /// Child tables by the path of their element.
    children: Vec<(String, Named)>,
    /// Resources above the row limit.
    raw: Option<Box<dyn Write + Send>>,
    /// Source rows of the batches before.
    sources: u64,
}

struct Named {
    file: String,
    writer: TableWriter,
}

/// Rows as text, without header: those of the table, and of child tables by the path of their element.
pub(super) struct Text {
    main: (Vec<u8>, u64),
    children: Vec<(String, (Vec<u8>, u64))>,
}

/// How values are typed.
#[derive(Clone)]
pub(super) struct Typing {
    zone: Zone,
    precision: bool,
}

impl Typing {
    /// Values are typed where there is a zone.
    pub(super) fn of(zone: Option<Zone>, precision: bool) -> Option<Self> {
        zone.map(|zone| Self { zone, precision })
    }
}

/// Rows melted at a time.
const ROWS: usize = 1 << 13;

impl Output {
    pub(super) fn new(
        table: &Arc<TableDescription>,
        melt: &MeltOptions,
        format: Format,
        typing: Option<Typing>,
        open: &mut Open,
    ) -> Result<Self, Error> {
        let precise = typing.as_ref().is_some_and(|typing| typing.precision);
        let mut output = Self {
            table: Arc::clone(table),
            melter: Melter::new(table, melt),
            format,
            typing,
            main: Named::new(table, "", format, precise, open)?,
            children: Vec::new(),
            raw: None,
            sources: 0,
        };
        if *melt.mode.as_ref().unwrap_or(&table.melt) == MeltMode::Child {
            // Child tables are the same from batch to batch, so all are opened before the first.
            let empty = Batch::empty(Arc::clone(table));
            let melted = output.melter.melt(&empty);
            output.main.writer.write(&melted, 0)?;
            for child in melted.children() {
                output.child(&child, open)?.writer.write(&child, 0)?;
            }
        }
        Ok(output)
    }

    fn zone(&self) -> Option<&Zone> {
        self.typing.as_ref().map(|typing| &typing.zone)
    }

    pub(super) fn table(&self) -> &Arc<TableDescription> {
        &self.table
    }

    /// The same output, which keeps its texts to be taken instead of writing them.
    pub(super) fn keeping(mut self) -> Self {
        self.main.writer.keep();
        self.children
            .iter_mut()
            .for_each(|(_, child)| child.writer.keep());
        self
    }

    /// The rows of a batch, to be counted and written.
    pub(super) fn rows<'b>(&self, batch: &'b Batch) -> Rows<'b> {
        self.melter.stream(batch)
    }

    /// Takes what was written and kept.
    pub(super) fn take(&mut self) -> Text {
        let children = self.children.iter_mut();
        Text {
            main: self.main.writer.take(),
            children: children
                .map(|(element, child)| (element.clone(), child.writer.take()))
                .collect(),
        }
    }

    /// Writes what another output of the same table kept.
    pub(super) fn append(&mut self, text: Text) -> Result<(), Error> {
        let (main, rows) = text.main;
        self.main.writer.append(&main, rows)?;
        for (element, (text, rows)) in text.children {
            if let Some((_, child)) = self.children.iter_mut().find(|(known, _)| *known == element) {
                child.writer.append(&text, rows)?;
            }
        }
        Ok(())
    }

    /// Melts and writes a batch; the defects are handed back.
    pub(super) fn write(&mut self, batch: &Batch, open: &mut Open) -> Result<Vec<Defect>, Error> {
        self.write_rows(batch, self.rows(batch), open)
    }

    /// Writes the rows of a batch; the defects are handed back.
    pub(super) fn write_rows(
        &mut self,
        batch: &Batch,
        mut rows: Rows<'_>,
        open: &mut Open,
    ) -> Result<Vec<Defect>, Error> {
        let mut defects = Vec::new();
        let sources = self.sources;
        loop {
            let melted = rows.take(ROWS);
            self.left_out(batch, melted.left_out(), open)?;
            let zone = self.typing.as_ref().map(|typing| &typing.zone);
            self.main.write(&melted, sources, zone, &mut defects)?;
            if melted.rows() == 0 {
                break;
            }
            for child in melted.children() {
                let zone = self.zone().cloned();
                self.child(&child, open)?
                    .write(&child, sources, zone.as_ref(), &mut defects)?;
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
        self.raw.map_or(Ok(()), |mut raw| raw.flush()).map_err(failed)
    }

    fn child(&mut self, child: &Melted<'_>, open: &mut Open) -> Result<&mut Named, Error> {
        let element = child.element().unwrap_or_default();
        let known = self.children.iter().position(|(path, _)| path == element);
        let at = match known {
            Some(at) => at,
            None => {
                let part = format!(".{}", element.replace('/', "_"));
                let precise = self.typing.as_ref().is_some_and(|typing| typing.precision);
                let named = Named::new(&self.table, &part, self.format, precise, open)?;
                self.children.push((element.to_owned(), named));
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
                write_csv_line(names, &mut text);
                let file = format!("{}.raw.csv", self.table.name);
                self.raw.insert(open(&file).map_err(failed)?)
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
            write_csv_line(cells, &mut text);
        }
        raw.write_all(&text).map_err(failed)
    }
}

impl Named {
    fn new(
        table: &Arc<TableDescription>,
        part: &str,
        format: Format,
        precise: bool,
        open: &mut Open,
    ) -> Result<Self, Error> {
        let file = format!("{}{part}.{}", table.name, format.as_str());
        let sink = open(&file).map_err(failed)?;
        let writer = TableWriter::new(table, format, sink);
        let writer = if precise { writer.precise() } else { writer };
        Ok(Self { file, writer })
    }

    fn write(
        &mut self,
        melted: &Melted<'_>,
        first_source: u64,
        zone: Option<&Zone>,
        defects: &mut Vec<Defect>,
    ) -> Result<(), Error> {
        match zone {
            Some(zone) => defects.append(&mut self.writer.write_typed(melted, first_source, zone)?),
            None => {
                defects.append(&mut melted.defects());
                self.writer.write(melted, first_source)?;
            }
        }
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::caused(ErrorKind::Write, error)
}
