use std::fmt;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use fhir_crack::{Batch, BatchBuilder};
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sqlx::postgres::PgPoolCopyExt;
use table_description::TableDescription;

use super::structure::Structures;
use crate::schema::{Kind, StoredTable, identifier};
use crate::transfer::Names;
use crate::{Error, ErrorKind, Hub, Result};

/// Raw rows that wait to be typed, in the order of their ids, as they were when the reading began.
pub struct OpenRows {
    table: Arc<TableDescription>,
    stream: BoxStream<'static, sqlx::Result<Bytes>>,
    buffer: BytesMut,
    started: bool,
    /// The file's trailer has been read.
    trailer: bool,
    /// The COPY has ended.
    ended: bool,
    chunk_rows: usize,
    /// Cells whose text does not tell their values.
    structures: Structures,
}

impl fmt::Debug for OpenRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenRows")
            .field("table", &self.table.name)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// Reads the raw rows of a table that wait to be typed, at most `chunk_rows` at a time.
    ///
    /// A row that is in the queue but not in the table any more is left out.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn open_raw(&self, table: &Arc<TableDescription>, chunk_rows: usize) -> Result<OpenRows> {
        let stored = StoredTable::new(Kind::Raw, table);
        let names = Names::of(&stored);
        let mut columns = vec![format!("r.{}", names.key)];
        columns.extend(
            stored
                .columns
                .iter()
                .map(|c| format!("r.{}", identifier(&c.name))),
        );
        // Row by row along the sorted queue: no sort of wide rows, and the first ones come at once.
        let sql = format!(
            "COPY (SELECT {columns} FROM (SELECT DISTINCT id FROM {open} ORDER BY id OFFSET 0) o
  CROSS JOIN LATERAL (SELECT * FROM {core} t WHERE t.{key} = o.id OFFSET 0) r) TO STDOUT (FORMAT binary)",
            columns = columns.join(", "),
            open = names.open.as_deref().unwrap_or_default(),
            core = names.core,
            key = names.key,
        );
        let structures = Structures::of_open(self.pool(), &stored).await?;
        let stream = self
            .pool()
            .copy_out_raw(&sql)
            .await
            .map_err(|e| Error::sql(format!("reading open rows of {}", stored.name), &e))?;
        Ok(OpenRows {
            table: Arc::clone(table),
            stream,
            buffer: BytesMut::new(),
            started: false,
            trailer: false,
            ended: false,
            chunk_rows: chunk_rows.max(1),
            structures,
        })
    }
}

impl OpenRows {
    /// How many rows [`OpenRows::next`] gives from now on, at most.
    pub fn set_chunk_rows(&mut self, rows: usize) {
        self.chunk_rows = rows.max(1);
    }

    /// The next rows with their raw ids; `None` behind the last ones.
    ///
    /// # Errors
    /// When the connection or the server fails.
    pub async fn next(&mut self) -> Result<Option<(Vec<i32>, Batch)>> {
        let mut ids = Vec::new();
        let mut builder = BatchBuilder::new(Arc::clone(&self.table));
        while ids.len() < self.chunk_rows && !self.ended {
            if !self.trailer
                && self.start()
                && let Some(end) = self.row_end()?
            {
                let row = self.buffer.split_to(end).freeze();
                ids.push(read_row(row, &self.structures, &mut builder));
                continue;
            }
            // Also behind the trailer: a connection goes back to the pool only after the end of its COPY.
            let failed = |e: &sqlx::Error| Error::sql(format!("reading open rows of {}", self.table.name), e);
            match self.stream.try_next().await.map_err(|e| failed(&e))? {
                Some(bytes) if !self.trailer => self.buffer.extend_from_slice(&bytes),
                Some(_) => {}
                None => self.ended = true,
            }
        }
        Ok((!ids.is_empty()).then(|| (ids, builder.finish())))
    }

    /// Skips the file header once it is there: 11 bytes of signature, flags and an extension.
    fn start(&mut self) -> bool {
        if !self.started
            && let Some(extension) = self.buffer.get(15..19).and_then(|b| <[u8; 4]>::try_from(b).ok())
        {
            let header = 19 + usize::try_from(i32::from_be_bytes(extension)).unwrap_or_default();
            if self.buffer.len() >= header {
                self.buffer.advance(header);
                self.started = true;
            }
        }
        self.started
    }

    /// Where the row at the start of the buffer ends, if it is there as a whole; notices the trailer.
    fn row_end(&mut self) -> Result<Option<usize>> {
        let short = |at: usize| {
            self.buffer
                .get(at..at + 2)
                .and_then(|b| <[u8; 2]>::try_from(b).ok())
        };
        let long = |at: usize| {
            self.buffer
                .get(at..at + 4)
                .and_then(|b| <[u8; 4]>::try_from(b).ok())
        };
        let Some(fields) = short(0).map(i16::from_be_bytes) else {
            return Ok(None);
        };
        if fields < 0 {
            self.trailer = true;
            return Ok(None);
        }
        if usize::try_from(fields) != Ok(self.table.columns.len() + 1) {
            return Err(Error::new(
                ErrorKind::Schema,
                format!("{} has other columns", self.table.name),
            ));
        }
        let mut at = 2;
        for _ in 0..fields {
            let Some(len) = long(at).map(i32::from_be_bytes) else {
                return Ok(None);
            };
            at += 4 + usize::try_from(len).unwrap_or_default();
        }
        Ok((at <= self.buffer.len()).then_some(at))
    }
}

/// Adds a whole row to the builder; its id.
fn read_row(mut row: Bytes, structures: &Structures, builder: &mut BatchBuilder) -> i32 {
    let mut id = 0;
    builder.begin_row();
    let fields = usize::try_from(row.get_i16()).unwrap_or_default();
    for field in 0..fields {
        let Ok(len) = usize::try_from(row.get_i32()) else {
            continue;
        };
        let bytes = row.split_to(len);
        match field.checked_sub(1) {
            None => {
                id = <[u8; 4]>::try_from(&*bytes)
                    .map(i32::from_be_bytes)
                    .unwrap_or_default();
            }
            Some(column) if structures.push(id, column, builder) => {}
            Some(column) => builder.push_cell(column, &String::from_utf8_lossy(&bytes)),
        }
    }
    id
}
