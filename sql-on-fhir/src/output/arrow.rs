use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int32Builder,
    Int64Builder, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter as ParquetWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::fit::{scaled, timestamp};
use super::{ColumnType, Format, SqlType};
use crate::compile::Program;
use crate::eval::temporal::Moment;
use crate::eval::{Cell, Rows, Sink, Value};

/// Rows gathered before they are written.
const ROWS: usize = 1 << 14;
/// Rows of a group of Parquet, at most: its pages stay in memory until it is complete.
const GROUP: usize = 1 << 17;

/// Rows as Parquet or Arrow IPC.
pub(crate) struct ArrowWriter {
    schema: Arc<Schema>,
    columns: Vec<Column>,
    gathered: usize,
    pub(crate) rows: u64,
    /// Most rows that are written.
    pub(crate) limit: u64,
    pub(crate) misfits: Vec<u64>,
    file: File,
}

enum File {
    Parquet(Box<ParquetWriter<Box<dyn Write + Send>>>),
    Arrow(Box<FileWriter<Box<dyn Write + Send>>>),
}

struct Column {
    column_type: ColumnType,
    values: Values,
    /// Of a collection, where the values of each row begin.
    offsets: Option<Vec<i32>>,
}

enum Values {
    Boolean(BooleanBuilder),
    Int(Int32Builder),
    BigInt(Int64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Double(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder, bool),
    Time(Time64MicrosecondBuilder),
    Binary(BinaryBuilder),
    Text(StringBuilder),
}

fn data_type(sql: SqlType) -> DataType {
    match sql {
        SqlType::Boolean => DataType::Boolean,
        SqlType::Int => DataType::Int32,
        SqlType::BigInt => DataType::Int64,
        SqlType::Decimal(digits, scale) => DataType::Decimal128(digits, scale.cast_signed()),
        SqlType::Double => DataType::Float64,
        SqlType::Date => DataType::Date32,
        SqlType::Timestamp { zone } => DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into())),
        SqlType::Time => DataType::Time64(TimeUnit::Microsecond),
        SqlType::Binary => DataType::Binary,
        SqlType::Text => DataType::Utf8,
    }
}

impl Values {
    fn new(sql: SqlType) -> Self {
        match sql {
            SqlType::Boolean => Self::Boolean(BooleanBuilder::new()),
            SqlType::Int => Self::Int(Int32Builder::new()),
            SqlType::BigInt => Self::BigInt(Int64Builder::new()),
            SqlType::Decimal(digits, scale) => {
                let builder = Decimal128Builder::new().with_data_type(data_type(sql));
                Self::Decimal(builder, digits, scale)
            }
            SqlType::Double => Self::Double(Float64Builder::new()),
            SqlType::Date => Self::Date(Date32Builder::new()),
            SqlType::Timestamp { zone } => {
                let builder = TimestampMicrosecondBuilder::new().with_data_type(data_type(sql));
                Self::Timestamp(builder, zone)
            }
            SqlType::Time => Self::Time(Time64MicrosecondBuilder::new()),
            SqlType::Binary => Self::Binary(BinaryBuilder::new()),
            SqlType::Text => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends a value; `false`, and nothing appended, if the text is none of the type.
    fn push(&mut self, text: &str) -> bool {
        fn put<T>(value: Option<T>, append: impl FnOnce(T)) -> bool {
            let fits = value.is_some();
            value.map(append);
            fits
        }
        match self {
            Self::Boolean(b) => put(text.parse().ok(), |v| b.append_value(v)),
            Self::Int(b) => put(text.parse().ok(), |v| b.append_value(v)),
            Self::BigInt(b) => put(text.parse().ok(), |v| b.append_value(v)),
            Self::Decimal(b, digits, scale) => put(scaled(text, *digits, *scale), |v| b.append_value(v)),
            Self::Double(b) => put(text.parse().ok(), |v| b.append_value(v)),
            Self::Date(b) => {
                let days = Moment::date_time(text).and_then(Moment::days);
                put(days.and_then(|days| i32::try_from(days).ok()), |v| {
                    b.append_value(v);
                })
            }
            Self::Timestamp(b, zone) => put(timestamp(text, *zone), |v| b.append_value(v)),
            Self::Time(b) => put(Moment::time(text).map(Moment::of_day), |v| b.append_value(v)),
            Self::Binary(b) => put(base64(text), |v| b.append_value(v)),
            Self::Text(b) => {
                b.append_value(text);
                true
            }
        }
    }

    fn null(&mut self) {
        match self {
            Self::Boolean(b) => b.append_null(),
            Self::Int(b) => b.append_null(),
            Self::BigInt(b) => b.append_null(),
            Self::Decimal(b, ..) => b.append_null(),
            Self::Double(b) => b.append_null(),
            Self::Date(b) => b.append_null(),
            Self::Timestamp(b, _) => b.append_null(),
            Self::Time(b) => b.append_null(),
            Self::Binary(b) => b.append_null(),
            Self::Text(b) => b.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(b) => Arc::new(b.finish()),
            Self::Int(b) => Arc::new(b.finish()),
            Self::BigInt(b) => Arc::new(b.finish()),
            Self::Decimal(b, ..) => Arc::new(b.finish()),
            Self::Double(b) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::Timestamp(b, _) => Arc::new(b.finish()),
            Self::Time(b) => Arc::new(b.finish()),
            Self::Binary(b) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(b.finish()),
        }
    }
}

impl Column {
    fn push(&mut self, rows: &Rows<'_>, value: Value<'_>) -> bool {
        let text = rows.evaluator.text(value);
        text.is_some_and(|text| self.column_type.fits(&text) && self.values.push(&text))
    }

    fn cell(&mut self, rows: &Rows<'_>, cell: Cell<'_>, misfits: &mut u64, pushed: &mut i32) {
        match cell {
            Cell::Many(start, end) => {
                for &value in rows.list(start, end) {
                    if self.push(rows, value) {
                        *pushed += 1;
                    } else {
                        *misfits += 1;
                    }
                }
            }
            Cell::One(value) if self.push(rows, value) => {}
            Cell::One(_) => {
                *misfits += 1;
                self.values.null();
            }
            Cell::Null if self.offsets.is_some() => {}
            Cell::Null => self.values.null(),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, arrow_schema::ArrowError> {
        let values = self.values.finish();
        let Some(offsets) = &mut self.offsets else {
            return Ok(values);
        };
        let offsets = std::mem::replace(offsets, vec![0]);
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let list = ListArray::try_new(field, OffsetBuffer::new(offsets.into()), values, None)?;
        Ok(Arc::new(list))
    }
}

impl ArrowWriter {
    pub(crate) fn new(format: Format, program: &Program, out: Box<dyn Write + Send>) -> io::Result<Self> {
        let fields: Vec<Field> = program
            .columns
            .iter()
            .map(|column| {
                let one = data_type(column.column_type.sql);
                let all = if column.collection {
                    DataType::List(Arc::new(Field::new_list_field(one, true)))
                } else {
                    one
                };
                Field::new(&column.name, all, true)
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let file = if format == Format::Parquet {
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_max_row_group_row_count(Some(GROUP))
                .build();
            let writer = ParquetWriter::try_new(out, Arc::clone(&schema), Some(properties));
            File::Parquet(Box::new(writer.map_err(io::Error::other)?))
        } else {
            File::Arrow(Box::new(
                FileWriter::try_new(out, &schema).map_err(io::Error::other)?,
            ))
        };
        let columns = program.columns.iter().map(|column| Column {
            column_type: column.column_type,
            values: Values::new(column.column_type.sql),
            offsets: column.collection.then(|| vec![0]),
        });
        Ok(Self {
            schema,
            columns: columns.collect(),
            gathered: 0,
            rows: 0,
            limit: u64::MAX,
            misfits: vec![0; program.columns.len()],
            file,
        })
    }

    /// Writes what is gathered, if it is enough.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.gathered >= ROWS {
            self.write()
        } else {
            Ok(())
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.gathered == 0 {
            return Ok(());
        }
        self.gathered = 0;
        let arrays: Result<Vec<_>, _> = self.columns.iter_mut().map(Column::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays.map_err(io::Error::other)?);
        let batch = batch.map_err(io::Error::other)?;
        match &mut self.file {
            File::Parquet(writer) => writer.write(&batch).map_err(io::Error::other),
            File::Arrow(writer) => writer.write(&batch).map_err(io::Error::other),
        }
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write()?;
        match self.file {
            File::Parquet(writer) => {
                let mut out = writer.into_inner().map_err(io::Error::other)?;
                out.flush()
            }
            File::Arrow(mut writer) => {
                writer.finish().map_err(io::Error::other)?;
                writer.into_inner().map_err(io::Error::other)?.flush()
            }
        }
    }
}

impl Sink for ArrowWriter {
    fn row(&mut self, rows: &Rows<'_>) {
        if self.rows >= self.limit {
            return;
        }
        self.rows += 1;
        self.gathered += 1;
        let columns = self.columns.iter_mut().zip(&rows.cells).zip(&mut self.misfits);
        for ((column, cell), misfits) in columns {
            let mut pushed = 0;
            column.cell(rows, *cell, misfits, &mut pushed);
            if let Some(offsets) = &mut column.offsets {
                let last = offsets.last().copied().unwrap_or_default();
                offsets.push(last + pushed);
            }
        }
    }
}

/// The bytes of base64 text, in which blanks may stand.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut block, mut bits, mut padding) = (0_u32, 0, 0);
    for byte in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        block = block << 6 | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((block >> bits) as u8);
        }
    }
    (padding <= 2 && bits < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_gives_bytes() {
        assert_eq!(base64("aGVsbG8K").as_deref(), Some(&b"hello\n"[..]));
        assert_eq!(base64("aGVs bG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(base64("aG=s"), None);
        assert_eq!(base64("a"), None);
        assert_eq!(base64("ä"), None);
    }
}
