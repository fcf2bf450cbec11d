//! Rows of the server's binary COPY format as polars frames.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use polars::prelude::*;

use crate::{Error, ErrorKind, Result};

/// What a column of a query holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `text` or `varchar`.
    Text,
    /// `integer`.
    Whole,
    /// `double precision`.
    Number,
    /// `timestamp` without zone, microseconds.
    Moment,
    /// `date`.
    Day,
}

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Days and microseconds from 1970, which polars counts from, to 2000, which the server counts from.
const DAYS: i32 = 10_957;
const MICROSECONDS: i64 = 86_400_000_000 * DAYS as i64;

/// Decodes a whole COPY of columns of these kinds. Infinite dates and moments become null.
///
/// # Errors
/// When the bytes are cut short or hold other columns than expected.
pub fn decode(bytes: &[u8], names: &[&str], kinds: &[Kind]) -> Result<DataFrame> {
    let (rows, mut columns) = read(bytes, names, kinds)?;
    for column in &mut columns {
        column.builder(rows);
    }
    frame(rows, columns)
}

/// The same with those columns only that have a value in any row.
///
/// # Errors
/// As [`decode`].
pub fn decode_filled(bytes: &[u8], names: &[&str], kinds: &[Kind]) -> Result<DataFrame> {
    let (rows, columns) = read(bytes, names, kinds)?;
    frame(rows, columns)
}

fn read<'n>(bytes: &[u8], names: &[&'n str], kinds: &[Kind]) -> Result<(usize, Vec<Decoding<'n>>)> {
    let mut columns: Vec<Decoding<'n>> = names
        .iter()
        .zip(kinds)
        .map(|(name, kind)| Decoding {
            name,
            kind: *kind,
            builder: None,
        })
        .collect();
    let mut rows = 0;
    let mut rest = Bytes(bytes);
    if rest.take(SIGNATURE.len())? != SIGNATURE {
        return Err(shape("no binary COPY"));
    }
    rest.take(4)?;
    let extension = rest.i32()?;
    rest.take(usize::try_from(extension).map_err(|_| shape("header"))?)?;
    loop {
        match rest.i16()? {
            -1 => break,
            n if usize::try_from(n) == Ok(columns.len()) => {}
            _ => return Err(shape("number of columns")),
        }
        for column in &mut columns {
            let length = rest.i32()?;
            match usize::try_from(length) {
                Ok(length) => column.builder(rows).push(rest.take(length)?)?,
                Err(_) => {
                    if let Some(builder) = &mut column.builder {
                        builder.null();
                    }
                }
            }
        }
        rows += 1;
    }
    Ok((rows, columns))
}

fn frame(rows: usize, columns: Vec<Decoding<'_>>) -> Result<DataFrame> {
    let columns: Vec<Column> = columns
        .into_iter()
        .filter_map(|column| column.builder)
        .map(Builder::finish)
        .collect::<PolarsResult<_>>()
        .map_err(|_| shape("columns that make no frame"))?;
    DataFrame::new(rows, columns).map_err(|_| shape("columns that make no frame"))
}

/// A column that is read. Most have no value: nothing is built of one before its first.
struct Decoding<'n> {
    name: &'n str,
    kind: Kind,
    builder: Option<Builder>,
}

impl Decoding<'_> {
    /// What builds the column, behind so many rows.
    fn builder(&mut self, rows: usize) -> &mut Builder {
        self.builder.get_or_insert_with(|| {
            let mut builder = Builder::new(self.name, self.kind);
            (0..rows).for_each(|_| builder.null());
            builder
        })
    }
}

fn shape(what: &str) -> Error {
    Error::new(ErrorKind::Input, format!("rows of the hub: {what}"))
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or_else(|| shape("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(fixed(self.take(2)?)?))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(fixed(self.take(4)?)?))
    }
}

fn fixed<const N: usize>(field: &[u8]) -> Result<[u8; N]> {
    field.try_into().map_err(|_| shape("a column of another type"))
}

enum Builder {
    Text(StringChunkedBuilder),
    Whole(PrimitiveChunkedBuilder<Int32Type>),
    Number(PrimitiveChunkedBuilder<Float64Type>),
    Moment(PrimitiveChunkedBuilder<Int64Type>),
    Day(PrimitiveChunkedBuilder<Int32Type>),
}

impl Builder {
    fn new(name: &str, kind: Kind) -> Self {
        let name = PlSmallStr::from_str(name);
        match kind {
            Kind::Text => Self::Text(StringChunkedBuilder::new(name, 0)),
            Kind::Whole => Self::Whole(PrimitiveChunkedBuilder::new(name, 0)),
            Kind::Number => Self::Number(PrimitiveChunkedBuilder::new(name, 0)),
            Kind::Moment => Self::Moment(PrimitiveChunkedBuilder::new(name, 0)),
            Kind::Day => Self::Day(PrimitiveChunkedBuilder::new(name, 0)),
        }
    }

    fn null(&mut self) {
        match self {
            Self::Text(b) => b.append_null(),
            Self::Number(b) => b.append_null(),
            Self::Moment(b) => b.append_null(),
            Self::Whole(b) | Self::Day(b) => b.append_null(),
        }
    }

    fn push(&mut self, field: &[u8]) -> Result<()> {
        match self {
            Self::Text(b) => {
                b.append_value(std::str::from_utf8(field).map_err(|_| shape("text that is no UTF-8"))?);
            }
            Self::Whole(b) => b.append_value(i32::from_be_bytes(fixed(field)?)),
            Self::Number(b) => b.append_value(f64::from_be_bytes(fixed(field)?)),
            Self::Moment(b) => {
                let value = i64::from_be_bytes(fixed(field)?);
                b.append_option(finite(value, i64::MIN, i64::MAX).and_then(|v| v.checked_add(MICROSECONDS)));
            }
            Self::Day(b) => {
                let value = i32::from_be_bytes(fixed(field)?);
                b.append_option(finite(value, i32::MIN, i32::MAX).and_then(|v| v.checked_add(DAYS)));
            }
        }
        Ok(())
    }

    fn finish(self) -> PolarsResult<Column> {
        let series = match self {
            Self::Text(b) => b.finish().into_series(),
            Self::Whole(b) => b.finish().into_series(),
            Self::Number(b) => b.finish().into_series(),
            Self::Moment(b) => b
                .finish()
                .into_series()
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
            Self::Day(b) => b.finish().into_series().cast(&DataType::Date)?,
        };
        Ok(series.into_column())
    }
}

/// The smallest and largest numbers are the server's infinities.
fn finite<T: PartialEq + Copy>(value: T, lowest: T, highest: T) -> Option<T> {
    (value != lowest && value != highest).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(rows: &[Vec<Option<Vec<u8>>>]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend([0; 8]);
        for row in rows {
            out.extend(i16::try_from(row.len()).unwrap().to_be_bytes());
            for field in row {
                match field {
                    None => out.extend((-1_i32).to_be_bytes()),
                    Some(bytes) => {
                        out.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
                        out.extend(bytes);
                    }
                }
            }
        }
        out.extend((-1_i16).to_be_bytes());
        out
    }

    const KINDS: &[Kind] = &[Kind::Text, Kind::Whole, Kind::Number, Kind::Moment, Kind::Day];
    const NAMES: &[&str] = &["t", "w", "n", "m", "d"];

    #[test]
    fn every_kind_and_null_is_read() {
        let row = vec![
            Some("ä".as_bytes().to_vec()),
            Some(7_i32.to_be_bytes().to_vec()),
            Some(2.5_f64.to_be_bytes().to_vec()),
            Some(0_i64.to_be_bytes().to_vec()),
            Some(0_i32.to_be_bytes().to_vec()),
        ];
        let bytes = copy(&[vec![None; 5], row, vec![None; 5]]);
        let frame = decode(&bytes, NAMES, KINDS).unwrap();
        assert!(
            decode_filled(&bytes, NAMES, KINDS)
                .unwrap()
                .equals_missing(&frame)
        );
        let frame = frame.slice(1, 2);
        assert_eq!(frame.height(), 2);
        assert_eq!(frame.column("t").unwrap().str().unwrap().get(0), Some("ä"));
        assert_eq!(frame.column("w").unwrap().i32().unwrap().get(0), Some(7));
        assert_eq!(frame.column("n").unwrap().f64().unwrap().get(0), Some(2.5));
        // 2000-01-01, counted from 1970.
        let moments = frame.column("m").unwrap().datetime().unwrap();
        assert_eq!(moments.physical().get(0), Some(946_684_800_000_000));
        assert_eq!(
            frame.column("d").unwrap().date().unwrap().physical().get(0),
            Some(10_957)
        );
        for column in frame.columns() {
            assert!(column.get(1).unwrap().is_null(), "{}", column.name());
        }
    }

    #[test]
    fn columns_without_a_value_are_there_or_left_out() {
        let mut rows = vec![vec![None; 5]; 3];
        rows[2][1] = Some(7_i32.to_be_bytes().to_vec());
        let bytes = copy(&rows);
        let all = decode(&bytes, NAMES, KINDS).unwrap();
        assert_eq!((all.height(), all.width()), (3, 5));
        assert_eq!(all.column("m").unwrap().null_count(), 3);
        let filled = decode_filled(&bytes, NAMES, KINDS).unwrap();
        assert_eq!(filled.get_column_names(), ["w"]);
        let numbers: Vec<_> = filled.column("w").unwrap().i32().unwrap().iter().collect();
        assert_eq!(numbers, [None, None, Some(7)]);
        let none = copy(&vec![vec![None; 5]; 3]);
        assert_eq!(decode_filled(&none, NAMES, KINDS).unwrap().height(), 3);
    }

    #[test]
    fn infinite_times_are_no_times() {
        let mut row = vec![None; 5];
        row[3] = Some(i64::MAX.to_be_bytes().to_vec());
        row[4] = Some(i32::MIN.to_be_bytes().to_vec());
        let frame = decode(&copy(&[row]), NAMES, KINDS).unwrap();
        assert_eq!(
            frame.column("m").unwrap().null_count() + frame.column("d").unwrap().null_count(),
            2
        );
    }

    #[test]
    fn every_cut_is_an_error_and_no_panic() {
        let whole = copy(&[vec![Some(b"x".to_vec()), None, None, None, None]]);
        for end in 0..whole.len() {
            assert!(decode(&whole[..end], NAMES, KINDS).is_err(), "{end}");
        }
        assert!(decode(&whole, &NAMES[..2], &KINDS[..2]).is_err());
    }
}
