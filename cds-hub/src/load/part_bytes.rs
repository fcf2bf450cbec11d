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
/// Bytes of a list that are made room for before any of them is there.
const AT_ONCE: usize = 8 << 20;

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
    write_list(rows.ends.iter().map(|n| (*n as u64).to_le_bytes()), out)?;
    write_list(rows.hashes.iter().map(|hash| hash.0), out)?;
    write_list(rows.by_hash.iter().map(|n| (*n as u64).to_le_bytes()), out)?;
    write_list(rows.digests.iter().map(|n| n.to_le_bytes()), out)?;
    write_list(rows.raw_ids.iter().map(|n| n.to_le_bytes()), out)?;
    let precisions: Vec<[u8; 8]> = rows
        .precisions
        .iter()
        .flat_map(|(row, column, precision)| [*row as u64, *column as u64, *precision as u64])
        .map(u64::to_le_bytes)
        .collect();
    write_list(precisions.into_iter(), out)
}

fn read_rows(table: &StoredTable, from: &mut impl Read) -> io::Result<Rows> {
    let mut rows = Rows::new(table);
    rows.fields = read_bytes(from)?;
    rows.ends = read_positions(from)?;
    rows.hashes = read_list(from, RowHash)?;
    rows.by_hash = read_positions(from)?;
    rows.digests = read_list(from, i64::from_le_bytes)?;
    rows.raw_ids = read_list(from, i32::from_le_bytes)?;
    for &[row, column, precision] in chunks::<usize, 3>(&read_positions(from)?)? {
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

fn write_list<const N: usize>(
    items: impl ExactSizeIterator<Item = [u8; N]>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(items.len() * N);
    items.for_each(|item| bytes.extend_from_slice(&item));
    write_bytes(&bytes, out)
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
    let len = usize::try_from(read_len(from)?).map_err(|_| damaged())?;
    let mut bytes = Vec::new();
    // A length that is wrong takes no more memory than twice what is there.
    while bytes.len() < len {
        let start = bytes.len();
        bytes.resize(len.min((start * 2).max(AT_ONCE)), 0);
        let read = from.read_exact(bytes.get_mut(start..).unwrap_or_default());
        read.map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => damaged(),
            _ => e,
        })?;
    }
    Ok(bytes)
}

fn read_list<T, const N: usize>(from: &mut impl Read, make: impl Fn([u8; N]) -> T) -> io::Result<Vec<T>> {
    Ok(chunks(&read_bytes(from)?)?
        .iter()
        .map(|item| make(*item))
        .collect())
}

fn read_positions(from: &mut impl Read) -> io::Result<Vec<usize>> {
    let numbers = read_list(from, u64::from_le_bytes)?.into_iter();
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

fn chunks<T, const N: usize>(items: &[T]) -> io::Result<&[[T; N]]> {
    let (chunks, rest) = items.as_chunks::<N>();
    if rest.is_empty() {
        Ok(chunks)
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
