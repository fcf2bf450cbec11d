use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fhir_crack::{Batch, Decoder, Duplicates, Layout, Notation, Options, Plan, Summary, csv, ndjson};
use table_description::{Description, TableDescription};

use super::Inputs;
use super::raw_parquet::{self, RawParquet};
use super::spreadsheet::SpreadsheetSafe;
use crate::{Error, ErrorKind, Result};

/// How raw tables are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrackFormat {
    /// Header and cells quoted, NULL an empty unquoted field.
    #[default]
    Csv,
    /// One JSON object a line, NULL cells left out.
    NdJson,
    /// Parquet.
    Parquet,
}

impl CrackFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::NdJson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// How files are cracked.
#[derive(Clone, Debug)]
pub struct CrackOptions {
    /// Brackets and separator of the cells.
    pub notation: Notation,
    /// One column an index instead of one a path; keeps all rows in memory.
    pub wide: bool,
    /// What is written.
    pub format: CrackFormat,
    /// How pages are read.
    pub pages: Options,
    /// Mark cells of CSV that a spreadsheet program would run.
    pub spreadsheet_safe: bool,
    /// Directory the tables go to, one file each.
    pub directory: PathBuf,
}

/// Why an input could not be read to its end.
#[derive(Debug)]
pub enum ReadFault {
    /// The system could not read it.
    Input(std::io::Error),
    /// It is not FHIR, or passes a limit.
    Fhir(fhir_crack::Error),
    /// Parts of it cannot be read; everything else was.
    SetAside {
        /// How many.
        parts: usize,
        /// Why the first one cannot.
        first: fhir_crack::Error,
    },
}

impl std::fmt::Display for ReadFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input(error) => write!(f, "cannot be read: {}", error.kind()),
            Self::Fhir(error) => error.fmt(f),
            Self::SetAside { parts, first } => {
                write!(
                    f,
                    "resources or other parts that cannot be read: {parts}, the first: {first}"
                )
            }
        }
    }
}

impl std::error::Error for ReadFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Input(_) => None,
            Self::Fhir(error) | Self::SetAside { first: error, .. } => error.source(),
        }
    }
}

/// Bytes read at a time.
const READ: usize = 1 << 18;

/// Cracks files to raw tables, one file a table. Returns what became of the resources, and the files that could not be
/// read whole with the reason; what could be read is kept. `watch` is told how many bytes were read.
///
/// # Errors
/// When a path of the description cannot be followed, or an output cannot be written.
pub fn crack(
    description: &Description,
    inputs: &Inputs,
    options: &CrackOptions,
    watch: &(dyn Fn(u64) + Sync),
) -> Result<(Summary, Vec<(PathBuf, ReadFault)>)> {
    let plan = Plan::new(description).map_err(|e| {
        Error::new(
            ErrorKind::Description,
            "a path of the table description cannot be followed",
        )
        .because(e)
    })?;
    std::fs::create_dir_all(&options.directory).map_err(|e| unwritable(&options.directory, e))?;
    let mut crack = options.pages.clone();
    crack.duplicates = Duplicates::Remove;
    let mut decoder = Decoder::new(Arc::new(plan), crack);
    let tables_of = description
        .resources()
        .map(|t| (t.name.clone(), Arc::clone(t)))
        .collect();
    let mut outputs = Outputs {
        options,
        tables_of,
        tables: BTreeMap::new(),
    };
    for table in description.resources() {
        outputs.open(&Batch::empty(Arc::clone(table)))?;
    }
    let mut write_error = None;
    let failed = inputs.each(watch, |input| {
        let read = read_page(&mut decoder, input, &mut |batch| {
            if write_error.is_none() {
                write_error = outputs.write(batch).err();
            }
        });
        let rejected: Vec<_> = std::iter::from_fn(|| decoder.next_rejected()).collect();
        let parts = rejected.len();
        let read = match (read, rejected.into_iter().next()) {
            (Ok(()), Some(first)) => Err(ReadFault::SetAside {
                parts,
                first: first.into_reason(),
            }),
            (read, _) => read,
        };
        if read.is_err() {
            decoder.abandon_page();
        }
        read
    });
    if let Some(error) = write_error {
        return Err(error);
    }
    outputs.finish()?;
    Ok((decoder.summary().clone(), failed))
}

fn read_page(
    decoder: &mut Decoder,
    input: &mut dyn Read,
    take: &mut dyn FnMut(Batch),
) -> std::result::Result<(), ReadFault> {
    let mut buffer = vec![0; READ];
    loop {
        let length = match input.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ReadFault::Input(error)),
        };
        let pushed = if length == 0 {
            decoder.end_page().map(drop)
        } else {
            decoder.push(&buffer[..length])
        };
        let pushed = pushed.map_err(ReadFault::Fhir);
        while let Some(batch) = decoder.next_batch() {
            take(batch);
        }
        pushed?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Where the rows of each table go.
struct Outputs<'o> {
    options: &'o CrackOptions,
    tables_of: BTreeMap<String, Arc<TableDescription>>,
    tables: BTreeMap<String, Output>,
}

enum Output {
    Text(BufWriter<Box<dyn Write>>),
    Parquet(Box<RawParquet>),
    /// Rows kept, since the wide layout looks at all of them.
    Wide(Vec<Batch>),
}

impl Outputs<'_> {
    fn path(&self, table: &str) -> PathBuf {
        self.options
            .directory
            .join(format!("{table}.{}", self.options.format.extension()))
    }

    fn open(&mut self, empty: &Batch) -> Result<()> {
        let name = empty.table().name.clone();
        let path = self.path(&name);
        let failed = |e| unwritable(&path, e);
        let output = if self.options.wide {
            Output::Wide(vec![Batch::empty(Arc::clone(empty.table()))])
        } else if self.options.format == CrackFormat::Parquet {
            Output::Parquet(Box::new(
                RawParquet::create(&path, &self.options.notation).map_err(failed)?,
            ))
        } else {
            let file = File::create(&path).map_err(failed)?;
            let is_marked = self.options.spreadsheet_safe && self.options.format == CrackFormat::Csv;
            let mut file: BufWriter<Box<dyn Write>> = match is_marked {
                true => BufWriter::new(Box::new(SpreadsheetSafe::new(BufWriter::new(file)))),
                false => BufWriter::new(Box::new(file)),
            };
            if self.options.format == CrackFormat::Csv {
                csv::write_header(empty, &mut file).map_err(failed)?;
            }
            Output::Text(file)
        };
        self.tables.insert(name, output);
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let path = self.path(&batch.table().name);
        let (format, notation) = (self.options.format, &self.options.notation);
        match self.tables.get_mut(&batch.table().name) {
            None => Ok(()),
            Some(Output::Wide(rows)) => {
                rows.push(batch);
                Ok(())
            }
            Some(Output::Parquet(parquet)) => parquet.write(&batch).map_err(|e| unwritable(&path, e)),
            Some(Output::Text(file)) => match format {
                CrackFormat::NdJson => ndjson::write_rows(&batch, notation, file),
                _ => csv::write_rows(&batch, notation, file),
            }
            .map_err(|e| unwritable(&path, e)),
        }
    }

    fn finish(mut self) -> Result<()> {
        for (name, output) in std::mem::take(&mut self.tables) {
            let path = self.path(&name);
            match output {
                Output::Text(mut file) => file.flush().map_err(|e| unwritable(&path, e))?,
                Output::Parquet(parquet) => {
                    let table = self.tables_of.get(&name);
                    if let Some(table) = table {
                        parquet
                            .finish(&Batch::empty(Arc::clone(table)))
                            .map_err(|e| unwritable(&path, e))?;
                    }
                }
                Output::Wide(rows) => {
                    let mut layout = Layout::new(self.options.notation.clone());
                    layout.wide = true;
                    let Some(first) = rows.first() else { continue };
                    let table = layout
                        .lay_out(first.table(), &rows)
                        .map_err(|e| Error::new(ErrorKind::Crack, format!("laying out {name}")).because(e))?;
                    match self.options.format {
                        CrackFormat::Csv if self.options.spreadsheet_safe => {
                            let mut safe = SpreadsheetSafe::new(Vec::new());
                            let marked = safe.write_all(&table.to_csv()).and_then(|()| safe.finish());
                            let written = marked.and_then(|bytes| std::fs::write(&path, bytes));
                            written.map_err(|e| unwritable(&path, e))?;
                        }
                        CrackFormat::Csv => {
                            std::fs::write(&path, table.to_csv()).map_err(|e| unwritable(&path, e))?;
                        }
                        CrackFormat::NdJson => {
                            std::fs::write(&path, table.to_ndjson()).map_err(|e| unwritable(&path, e))?;
                        }
                        CrackFormat::Parquet => {
                            raw_parquet::write(&path, &table).map_err(|e| unwritable(&path, e))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn unwritable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be written", path.display())).because(error)
}
