use std::io::{self, Write};

use super::Text;
use crate::compile::Program;

/// Format of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Comma-separated values with a line of names; NULL is an empty field, a collection a JSON array.
    #[default]
    Csv,
    /// One JSON object a line, all columns in it.
    NdJson,
    /// Apache Parquet.
    #[cfg(feature = "arrow")]
    Parquet,
    /// An Arrow IPC file.
    #[cfg(feature = "arrow")]
    Arrow,
}

impl Format {
    /// The ending of a file's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::NdJson => "ndjson",
            #[cfg(feature = "arrow")]
            Self::Parquet => "parquet",
            #[cfg(feature = "arrow")]
            Self::Arrow => "arrow",
        }
    }

    /// The format of this name or ending.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "csv" => Self::Csv,
            "ndjson" | "jsonl" => Self::NdJson,
            #[cfg(feature = "arrow")]
            "parquet" => Self::Parquet,
            #[cfg(feature = "arrow")]
            "arrow" | "ipc" | "feather" => Self::Arrow,
            _ => return None,
        })
    }
}

/// An output being written.
pub(crate) enum Writer {
    Text(Box<dyn Write + Send>),
    #[cfg(feature = "arrow")]
    Arrow(Box<super::arrow::ArrowWriter>),
}

impl Writer {
    pub(crate) fn new(
        format: Format,
        header: bool,
        program: &Program,
        mut out: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        Ok(match format {
            Format::Csv => {
                if header {
                    out.write_all(&Text::header(program))?;
                }
                Self::Text(out)
            }
            Format::NdJson => Self::Text(out),
            #[cfg(feature = "arrow")]
            Format::Parquet | Format::Arrow => {
                Self::Arrow(Box::new(super::arrow::ArrowWriter::new(format, program, out)?))
            }
        })
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Text(mut out) => out.flush(),
            #[cfg(feature = "arrow")]
            Self::Arrow(writer) => writer.finish(),
        }
    }
}
