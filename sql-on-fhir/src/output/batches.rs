//! Record batches as CSV, NDJSON, Parquet or Arrow IPC.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Schema};
use datafusion::arrow::{csv, json, record_batch::RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::Format;

type Out = Box<dyn Write + Send>;

/// An output of record batches.
pub(crate) enum Batches {
    Csv(Box<csv::Writer<Out>>),
    NdJson(json::Writer<Out, json::writer::LineDelimited>),
    Parquet(Box<ArrowWriter<Out>>),
    Arrow(Box<FileWriter<Out>>),
}

fn failed(error: ArrowError) -> io::Error {
    io::Error::other(error)
}

impl Batches {
    pub(crate) fn new(format: Format, header: bool, schema: &Arc<Schema>, out: Out) -> io::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().with_header(header).build(out);
                // The names stand there even where no row follows.
                writer
                    .write(&RecordBatch::new_empty(Arc::clone(schema)))
                    .map_err(failed)?;
                Self::Csv(Box::new(writer))
            }
            Format::NdJson => {
                let builder = json::WriterBuilder::new().with_explicit_nulls(true);
                Self::NdJson(builder.build(out))
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .build();
                let writer = ArrowWriter::try_new(out, Arc::clone(schema), Some(properties));
                Self::Parquet(Box::new(writer.map_err(io::Error::other)?))
            }
            Format::Arrow => Self::Arrow(Box::new(FileWriter::try_new(out, schema).map_err(failed)?)),
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.write(batch).map_err(failed),
            Self::NdJson(writer) => writer.write(batch).map_err(failed),
            Self::Parquet(writer) => writer.write(batch).map_err(io::Error::other),
            Self::Arrow(writer) => writer.write(batch).map_err(failed),
        }
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.into_inner().flush(),
            Self::NdJson(mut writer) => {
                writer.finish().map_err(failed)?;
                writer.into_inner().flush()
            }
            Self::Parquet(writer) => writer.into_inner().map_err(io::Error::other)?.flush(),
            Self::Arrow(mut writer) => {
                writer.finish().map_err(failed)?;
                writer.into_inner().map_err(failed)?.flush()
            }
        }
    }
}
