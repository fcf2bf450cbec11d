//! Parts as bytes on the disk: every list with its length before it, numbers with the lowest byte first.
//!
//! Only the process that wrote them reads them, so there is no version; a damaged file is noticed all the same.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::sync::Arc;

use table_description::TableDescription;
use table_description::typing::Precision;

use super::hash::RowHash;
use super::part::{RawPart, RowDefect, TypedPart};
use super::rows::Rows;
use super::structure::Structure;
use crate::schema::{Kind, StoredTable};

/// Bytes of one list, at most: beyond that a length is no length.
const MOST_BYTES: u64 = 1 << 36;

impl RawPart {
    /// Writes the part.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_rows(&self.rows, out)?;
        write_len(self.structures.len(), out)?;
        for structure in &self.structures {
            write_numbers([structure.row, structure.column], out)?;
            write_len(structure.values.len(), out)?;
            for (index, text) in &structure.values {
                write_text(index, out)?;
                write_text(text, out)?;
            }
        }
        Ok(())
    }

    /// Reads a part of this table as it was written.
    ///
    /// # Errors
    /// When the reader fails or what it gives is no part.
    pub fn read(table: &Arc<TableDescription>, from: &mut impl Read) -> io::Result<Self> {
        let rows = read_rows(&StoredTable::new(Kind::Raw, table), from)?;
        let mut structures = Vec::new();
        for _ in 0..read_len(from)? {
            let [row, column] = read_numbers(from)?;
            let mut values = Vec::new();
            for _ in 0..read_len(from)? {
                values.push((read_text(from)?, read_text(from)?));
            }
            structures.push(Structure { row, column, values });
        }
        Ok(Self {
            table: Arc::clone(table),
            rows,
            structures,
        })
    }
}

impl TypedPart {
    /// Writes the part.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_len(self.slices.len(), out)?;
        for slice in &self.slices {
            write_rows(slice, out)?;
        }
        write_len(self.defects.len(), out)?;
        for defect in &self.defects {
            write_numbers([defect.row.unwrap_or(u32::MAX)], out)?;
            write_text(&defect.column, out)?;
            write_text(&defect.index, out)?;
            write_text(&defect.kind, out)?;
        }
        Ok(())
    }

    /// Reads a part of this table as it was written.
    ///
    /// # Errors
    /// When the reader fails or what it gives is no part.
    pub fn read(table: &Arc<TableDescription>, from: &mut impl Read) -> io::Result<Self> {
        let stored = StoredTable::new(Kind::Typed, table);
        let mut slices = Vec::new();
        for _ in 0..read_len(from)? {
            slices.push(read_rows(&stored, from)?);
        }
        let mut defects = Vec::new();
        for _ in 0..read_len(from)? {
            let [row] = read_numbers(from)?;
            defects.push(RowDefect {
                row: (row != u32::MAX).then_some(row),
                column: read_text(from)?,
                index: read_text(from)?,
                kind: read_text(from)?,
            });
        }
        Ok(Self {
            table: Arc::clone(table),
            slices,
            defects,
            held: BTreeSet::new(),
        })
    }
}

fn write_rows(rows: &Rows, out: &mut impl Write) -> io::Result<()> {
    write_bytes(&rows.fields, out)?;
    let list = |bytes: Vec<u8>, out: &mut _| write_bytes(&bytes, out);
    list(
        rows.ends.iter().flat_map(|n| (*n as u64).to_le_bytes()).collect(),
        out,
    )?;
    list(rows.hashes.iter().flat_map(|hash| hash.0).collect(), out)?;
    list(
        rows.by_hash
            .iter()
            .flat_map(|n| (*n as u64).to_le_bytes())
            .collect(),
        out,
    )?;
    list(rows.digests.iter().flat_map(|n| n.to_le_bytes()).collect(), out)?;
    list(rows.raw_ids.iter().flat_map(|n| n.to_le_bytes()).collect(), out)?;
    let precisions = rows.precisions.iter().flat_map(|(row, column, precision)| {
        let numbers = [*row as u64, *column as u64, *precision as u64];
        numbers.into_iter().flat_map(u64::to_le_bytes)
    });
    list(precisions.collect(), out)
}

fn read_rows(table: &StoredTable, from: &mut impl Read) -> io::Result<Rows> {
    let mut rows = Rows::new(table);
    rows.fields = read_bytes(from)?;
    rows.ends = read_positions(from)?;
    rows.hashes = chunks(&read_bytes(from)?)?.into_iter().map(RowHash).collect();
    rows.by_hash = read_positions(from)?;
    rows.digests = chunks(&read_bytes(from)?)?
        .into_iter()
        .map(i64::from_le_bytes)
        .collect();
    rows.raw_ids = chunks(&read_bytes(from)?)?
        .into_iter()
        .map(i32::from_le_bytes)
        .collect();
    for [row, column, precision] in chunks::<usize, 3>(&read_positions(from)?)? {
        let precision = precision_of(precision).ok_or_else(damaged)?;
        rows.precisions.push((row, column, precision));
    }
    let count = rows.ends.len();
    let whole = rows.hashes.len() == count
        && rows.by_hash.len() == count
        && rows.digests.len() == count
        && rows.ends.last().copied().unwrap_or_default() == rows.fields.len();
    if whole { Ok(rows) } else { Err(damaged()) }
}

fn precision_of(number: usize) -> Option<Precision> {
    let all = [
        Precision::Year,
        Precision::Month,
        Precision::Day,
        Precision::Minute,
        Precision::Second,
    ];
    all.into_iter().find(|precision| *precision as usize == number)
}

fn write_len(len: usize, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&(len as u64).to_le_bytes())
}

fn write_bytes(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    write_len(bytes.len(), out)?;
    out.write_all(bytes)
}

fn write_text(text: &str, out: &mut impl Write) -> io::Result<()> {
    write_bytes(text.as_bytes(), out)
}

fn write_numbers<const N: usize>(numbers: [u32; N], out: &mut impl Write) -> io::Result<()> {
    numbers.iter().try_for_each(|n| out.write_all(&n.to_le_bytes()))
}

fn read_len(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    let len = u64::from_le_bytes(bytes);
    if len > MOST_BYTES { Err(damaged()) } else { Ok(len) }
}

fn read_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = read_len(from)?;
    let mut bytes = Vec::new();
    // A length that is wrong takes no memory beyond what is there.
    from.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == len {
        Ok(bytes)
    } else {
        Err(damaged())
    }
}

fn read_positions(from: &mut impl Read) -> io::Result<Vec<usize>> {
    let numbers = chunks(&read_bytes(from)?)?.into_iter().map(u64::from_le_bytes);
    numbers
        .map(|n| usize::try_from(n).map_err(|_| damaged()))
        .collect()
}

fn read_text(from: &mut impl Read) -> io::Result<String> {
    String::from_utf8(read_bytes(from)?).map_err(|_| damaged())
}

fn read_numbers<const N: usize>(from: &mut impl Read) -> io::Result<[u32; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes)?;
        *number = u32::from_le_bytes(bytes);
    }
    Ok(numbers)
}

fn chunks<T: Copy, const N: usize>(items: &[T]) -> io::Result<Vec<[T; N]>> {
    let (chunks, rest) = items.as_chunks::<N>();
    if rest.is_empty() {
        Ok(chunks.to_vec())
    } else {
        Err(damaged())
    }
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "rows that wait for the hub are damaged",
    )
}
