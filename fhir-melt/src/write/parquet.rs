use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PlSmallStr, Series};
use polars_io::parquet::write::{BatchedWriter, ParquetWriter};

use super::grid::Grid;
use super::table_writer::{PATH, ROW, key, path};
use crate::Melted;
use crate::error::{Error, ErrorKind};
use crate::frame::failed;

/// Collects frames to row groups and encodes them.
#[derive(Default)]
pub(super) struct Parquet {
    rows: Option<DataFrame>,
    writer: Option<BatchedWriter<Buffer>>,
    buffer: Buffer,
}

/// Rows of a row group, about.
const GROUP_ROWS: usize = 1 << 17;

/// The encoded bytes on their way to the output.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Parquet {
    pub(super) fn write(
        &mut self,
        grid: Grid<'_>,
        id: Option<usize>,
        first_source: u64,
        sink: &mut (dyn Write + Send),
    ) -> Result<(), Error> {
        let mut frame = match grid {
            Grid::Text(melted) => melted.to_frame()?,
            Grid::Typed(_, typed) => typed.to_frame()?,
            Grid::Precise(_, typed) => typed.to_frame_with_precision()?,
        };
        if grid.melted().element().is_some() {
            frame = with_keys(&frame, grid.melted(), id, first_source)?;
        }
        match &mut self.rows {
            Some(rows) => {
                rows.vstack_mut_owned(frame).map_err(failed)?;
            }
            None => self.rows = Some(frame),
        }
        if self.rows.as_ref().is_some_and(|rows| rows.height() >= GROUP_ROWS) {
            self.flush(sink)?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, sink: &mut (dyn Write + Send)) -> Result<(), Error> {
        self.flush(sink)?;
        if let Some(writer) = self.writer.take() {
            writer.finish().map_err(failed)?;
        }
        self.hand_over(sink)
    }

    fn flush(&mut self, sink: &mut (dyn Write + Send)) -> Result<(), Error> {
        let Some(mut rows) = self.rows.take() else {
            return Ok(());
        };
        rows.rechunk_mut();
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let writer = ParquetWriter::new(self.buffer.clone())
                    .batched(rows.schema())
                    .map_err(failed)?;
                self.writer.insert(writer)
            }
        };
        if rows.height() > 0 {
            writer.write_batch(&rows).map_err(failed)?;
        }
        self.hand_over(sink)
    }

    fn hand_over(&self, sink: &mut (dyn Write + Send)) -> Result<(), Error> {
        sink.write_all(&self.buffer.take())
            .map_err(|error| Error::caused(ErrorKind::Write, error))
    }
}

/// The rows of a child table with the columns that say which resource and which repetition they are.
fn with_keys(
    frame: &DataFrame,
    melted: &Melted<'_>,
    id: Option<usize>,
    first_source: u64,
) -> Result<DataFrame, Error> {
    let rows = 0..melted.rows();
    let resource = match id {
        Some(column) => {
            let ids: Vec<Option<&str>> = rows.clone().map(|row| key(melted, id, row)).collect();
            let name = PlSmallStr::from_str(&melted.table().columns[column].name);
            Series::new(name, ids)
        }
        None => {
            let number = |row| first_source + melted.source_row(row) as u64 + 1;
            Series::new(
                PlSmallStr::from_static(ROW),
                rows.clone().map(number).collect::<Vec<u64>>(),
            )
        }
    };
    let mut text = Vec::new();
    let paths: Vec<String> = rows
        .map(|row| {
            text.clear();
            path(melted, row, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
        .collect();
    let mut columns: Vec<Column> = vec![
        resource.into_column(),
        Series::new(PlSmallStr::from_static(PATH), paths).into_column(),
    ];
    columns.extend_from_slice(frame.columns());
    DataFrame::new(melted.rows(), columns).map_err(failed)
}
