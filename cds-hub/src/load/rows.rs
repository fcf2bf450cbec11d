use table_description::FhirType;
use table_description::typing::{Precision, Value};

use super::hash::{Hasher, RowHash};
use crate::schema::StoredTable;

/// Rows of one table, hashed and in the binary form the server copies in.
///
/// Every row is the run of its data columns in table order, each a length (-1 for NULL) and its bytes, so that a row
/// is sent by appending it. Rows count from 0.
pub(crate) struct Rows {
    pub(super) columns: Vec<FhirType>,
    pub(super) fields: Vec<u8>,
    pub(super) ends: Vec<usize>,
    pub(super) hashes: Vec<RowHash>,
    /// The rows in the order of their hashes, twins in that of their delivery.
    pub(super) by_hash: Vec<usize>,
    pub(super) digests: Vec<i64>,
    /// The raw row of each typed row; empty in other tables.
    pub(super) raw_ids: Vec<i32>,
    /// Dates and times that were not complete: row, column, how much was given.
    pub(super) precisions: Vec<(usize, usize, Precision)>,
}

/// Days and microseconds from 1970-01-01 to 2000-01-01, where the server counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;

impl Rows {
    pub(super) fn new(table: &StoredTable) -> Self {
        Self {
            columns: table.columns.iter().map(|c| c.fhir_type).collect(),
            fields: Vec::new(),
            ends: Vec::new(),
            hashes: Vec::new(),
            by_hash: Vec::new(),
            digests: Vec::new(),
            raw_ids: Vec::new(),
            precisions: Vec::new(),
        }
    }

    /// Keeps the hashes of all rows. Sorted here, where it is done while the server works on the rows before.
    pub(super) fn hashed(&mut self, content: Hasher, meta: Hasher) {
        self.hashes = content.finish();
        self.digests = meta.finish().into_iter().map(RowHash::prefix).collect();
        let mut order: Vec<(RowHash, usize)> = self.hashes.iter().copied().zip(0..).collect();
        order.sort_unstable();
        self.by_hash = order.into_iter().map(|(_, row)| row).collect();
    }

    pub(super) fn begin_field(&mut self) -> usize {
        self.fields.extend_from_slice(&(-1_i32).to_be_bytes());
        self.fields.len()
    }

    /// Adds so many fields that are NULL.
    pub(super) fn nulls(&mut self, count: usize) {
        // A length of -1 each.
        let end = self.fields.len() + count * size_of::<i32>();
        self.fields.resize(end, 0xff);
    }

    /// Sets the length of the field that starts here, or takes its bytes away again; the bytes.
    pub(super) fn end_field(&mut self, start: usize, some: bool) -> Option<&[u8]> {
        let len = self.fields.len() - start;
        if !some {
            self.fields.truncate(start);
            return None;
        }
        // A field beyond 2 GiB is beyond what the server takes; the length then says NULL and the hash the rest.
        let len = i32::try_from(len).unwrap_or(-1);
        self.fields
            .get_mut(start - 4..start)?
            .copy_from_slice(&len.to_be_bytes());
        self.fields.get(start..)
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The content hash of a row.
    pub(crate) fn hash(&self, row: usize) -> RowHash {
        self.hashes.get(row).copied().unwrap_or(RowHash([0; 16]))
    }

    /// The rows in the order of their hashes, those of the same hash ascending.
    pub(crate) fn by_hash(&self) -> &[usize] {
        &self.by_hash
    }

    /// The digest of a row's `meta` columns.
    pub(crate) fn digest(&self, row: usize) -> i64 {
        self.digests.get(row).copied().unwrap_or_default()
    }

    /// The raw row of a typed row.
    pub(crate) fn raw_id(&self, row: usize) -> Option<i32> {
        self.raw_ids.get(row).copied()
    }

    /// The data columns of a row as they are sent.
    pub(crate) fn fields(&self, row: usize) -> &[u8] {
        let start = row
            .checked_sub(1)
            .and_then(|r| self.ends.get(r))
            .copied()
            .unwrap_or_default();
        let end = self.ends.get(row).copied().unwrap_or(start);
        self.fields.get(start..end).unwrap_or_default()
    }

    /// Sets a column of text by the text of another one; both are no part of a hash that has been made.
    pub(super) fn set_text_by(&mut self, column: usize, key: usize, value: impl Fn(&str) -> Option<String>) {
        let mut fields = Vec::with_capacity(self.fields.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        for row in 0..self.len() {
            let cells: Vec<Option<&[u8]>> = cells(self.fields(row)).collect();
            let id = cells
                .get(key)
                .copied()
                .flatten()
                .and_then(|id| std::str::from_utf8(id).ok());
            let text = id.and_then(&value);
            for (position, cell) in cells.into_iter().enumerate() {
                let cell = if position == column {
                    text.as_deref().map(str::as_bytes)
                } else {
                    cell
                };
                let len = cell.map_or(-1, |cell| i32::try_from(cell.len()).unwrap_or(-1));
                fields.extend_from_slice(&len.to_be_bytes());
                fields.extend_from_slice(cell.unwrap_or_default());
            }
            ends.push(fields.len());
        }
        (self.fields, self.ends) = (fields, ends);
    }

    /// The raw rows of those rows whose text in a column is wanted.
    pub(super) fn raw_rows_by(&self, column: usize, is_wanted: impl Fn(&str) -> bool) -> Vec<i32> {
        let wanted = (0..self.len()).filter(|&row| {
            let text = cells(self.fields(row)).nth(column).flatten();
            text.and_then(|text| std::str::from_utf8(text).ok())
                .is_some_and(&is_wanted)
        });
        wanted.filter_map(|row| self.raw_id(row)).collect()
    }

    /// Keeps only the rows whose raw row is wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(i32) -> bool) {
        let keep: Vec<bool> = self.raw_ids.iter().map(|id| wanted(*id)).collect();
        if keep.iter().all(|keep| *keep) {
            return;
        }
        let mut kept = Self {
            columns: std::mem::take(&mut self.columns),
            fields: Vec::new(),
            ends: Vec::new(),
            hashes: Vec::new(),
            by_hash: Vec::new(),
            digests: Vec::new(),
            raw_ids: Vec::new(),
            precisions: Vec::new(),
        };
        let mut moved = vec![None; keep.len()];
        for (row, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            if let Some(moved) = moved.get_mut(row) {
                *moved = Some(kept.ends.len());
            }
            kept.fields.extend_from_slice(self.fields(row));
            kept.ends.push(kept.fields.len());
            kept.hashes.push(self.hash(row));
            kept.digests.push(self.digest(row));
            kept.raw_ids.extend(self.raw_id(row));
        }
        let moved = |row: usize| moved.get(row).copied().flatten();
        kept.by_hash = self.by_hash.iter().filter_map(|&row| moved(row)).collect();
        let precisions = self.precisions.iter();
        kept.precisions = precisions
            .filter_map(|&(row, column, precision)| Some((moved(row)?, column, precision)))
            .collect();
        *self = kept;
    }

    /// The incomplete dates and times: row, column, how much was given; rows ascending.
    pub(crate) fn precisions(&self) -> &[(usize, usize, Precision)] {
        &self.precisions
    }

    /// The values of a row as text, `None` for NULL, in the order of columns.
    pub(crate) fn texts(&self, row: usize) -> Vec<Option<String>> {
        let cells = cells(self.fields(row)).zip(&self.columns);
        cells
            .map(|(bytes, fhir_type)| bytes.and_then(|bytes| read_binary(*fhir_type, bytes)))
            .collect()
    }
}

pub(super) fn is_partial(fhir_type: FhirType, precision: Precision) -> bool {
    match fhir_type {
        FhirType::Date => precision < Precision::Day,
        _ => precision < Precision::Second,
    }
}

/// The cells of a row: their bytes, `None` for NULL.
fn cells(mut rest: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        let len = usize::try_from(i32::from_be_bytes(*len)).ok();
        let (bytes, behind) = behind.split_at_checked(len.unwrap_or_default())?;
        rest = behind;
        Some(len.map(|_| bytes))
    })
}

/// Appends a value in the server's binary form; `false` for a value it has no form for.
pub(super) fn write_binary(value: &Value<'_>, out: &mut Vec<u8>) -> bool {
    match *value {
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Boolean(b) => out.push(u8::from(b)),
        Value::Integer(n) => out.extend_from_slice(&n.to_be_bytes()),
        Value::Decimal(d) => out.extend_from_slice(&d.to_be_bytes()),
        Value::Date(days) => {
            let Some(days) = days.checked_sub(EPOCH_DAYS) else {
                return false;
            };
            out.extend_from_slice(&days.to_be_bytes());
        }
        Value::DateTime(micros) => {
            let Some(micros) = micros.checked_sub(EPOCH_MICROS) else {
                return false;
            };
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Value::Time(micros) => out.extend_from_slice(&micros.to_be_bytes()),
    }
    true
}

/// The text of a value in the server's binary form.
fn read_binary(fhir_type: FhirType, bytes: &[u8]) -> Option<String> {
    let long = || <[u8; 8]>::try_from(bytes).ok().map(i64::from_be_bytes);
    let short = || <[u8; 4]>::try_from(bytes).ok().map(i32::from_be_bytes);
    let value = match fhir_type {
        FhirType::String => return Some(String::from_utf8_lossy(bytes).into_owned()),
        FhirType::Boolean => Value::Boolean(bytes == [1]),
        FhirType::Integer => Value::Integer(short()?),
        FhirType::Decimal => Value::Decimal(f64::from_be_bytes(bytes.try_into().ok()?)),
        FhirType::Date => Value::Date(short()?.checked_add(EPOCH_DAYS)?),
        FhirType::DateTime => Value::DateTime(long()?.checked_add(EPOCH_MICROS)?),
        FhirType::Time => Value::Time(long()?),
    };
    let mut text = Vec::new();
    table_description::typing::write_sql(&value, &mut text);
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_read_back() {
        let cases = [
            (FhirType::String, Value::Text("äö"), "äö"),
            (FhirType::Boolean, Value::Boolean(true), "true"),
            (FhirType::Integer, Value::Integer(-7), "-7"),
            (FhirType::Decimal, Value::Decimal(2.5), "2.5"),
            (FhirType::Date, Value::Date(-7_181), "1950-05-05"),
            (
                FhirType::DateTime,
                Value::DateTime(1_706_933_106_700_000),
                "2024-02-03 04:05:06.7",
            ),
            (FhirType::Time, Value::Time(30_600_000_000), "08:30:00"),
        ];
        for (fhir_type, value, expected) in cases {
            let mut out = Vec::new();
            assert!(write_binary(&value, &mut out));
            assert_eq!(read_binary(fhir_type, &out).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_time_the_server_cannot_hold_is_not_written() {
        assert!(!write_binary(&Value::DateTime(i64::MIN), &mut Vec::new()));
    }
}
