use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use fhir_crack::Notation;
use fhir_melt::flatten::{Flatten as Pass, FlattenOptions, FlattenedTable};
use fhir_melt::write::Format;
use table_description::typing::Zone;
use table_description::{Description, ElementPath, MeltMode};

pub(super) mod reading;

use super::describe;
use crate::files::{CrackFormat, CrackOptions, Inputs, SpreadsheetSafe, crack, melt_file};
use crate::{Error, ErrorKind, Result};
use reading::Reading;

/// Where the tables come from, shared by the commands on files.
#[derive(Debug, Args)]
struct Tables {
    /// Table description: workbook, CSV file or folder; the built-in one where not given
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    /// Only these resource types
    #[arg(long, value_name = "RESOURCE")]
    resource: Vec<String>,
    /// Write a file for each table, also for those without a row
    #[arg(long)]
    all_tables: bool,
}

impl Tables {
    /// Removes the files of tables without a row, which would only be in the way, unless they were asked for.
    fn leave_out_empty(&self, directory: &Path, files: &[(String, u64)]) -> Result<()> {
        if self.all_tables || !self.resource.is_empty() {
            return Ok(());
        }
        for (file, _) in files.iter().filter(|(_, rows)| *rows == 0) {
            let path = directory.join(file);
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    let text = format!("{} cannot be removed", path.display());
                    return Err(Error::new(ErrorKind::File, text).because(e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read(&self) -> Result<Description> {
        let mut description = match &self.description {
            Some(file) => describe::read(file)?,
            None => table_description::default_description(),
        };
        for resource in &self.resource {
            if description.resource(resource).is_none() {
                return Err(Error::new(
                    ErrorKind::Description,
                    format!("the table description has no resource {resource}"),
                ));
            }
        }
        if !self.resource.is_empty() {
            description
                .tables
                .retain(|t| t.resource.as_ref().is_some_and(|r| self.resource.contains(r)));
        }
        Ok(description)
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FileFormat {
    #[default]
    Csv,
    Parquet,
    Ndjson,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Unrelated repetitions multiply, as the hub's tables hold it
    Product,
    /// Unrelated repetitions side by side
    Aligned,
    /// One row a resource and one child table a list
    Child,
}

#[derive(Debug, Args)]
struct Melting {
    /// How repetitions become rows; the description's own way where not given
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Melt only the lists at or below these paths; cells keep all values of the others
    #[arg(
        long,
        value_name = "PATH[,PATH]",
        conflicts_with = "mode",
        value_delimiter = ','
    )]
    melt_only: Vec<String>,
    /// Type the values (dates, numbers, …) instead of writing their text
    #[arg(long)]
    typed: bool,
    /// Say behind each date, in a column <column>_precision, how much of it was given: year, month, day, minute or second
    #[arg(long, requires = "typed")]
    precision: bool,
    #[arg(long, value_enum, default_value_t)]
    format: FileFormat,
}

impl Melting {
    fn options(&self) -> FlattenOptions {
        let mode = self.mode.map(|mode| match mode {
            Mode::Product => MeltMode::Product,
            Mode::Aligned => MeltMode::Aligned,
            Mode::Child => MeltMode::Child,
        });
        let only = || {
            MeltMode::Only(
                self.melt_only
                    .iter()
                    .map(|p| ElementPath::new(p.as_str()))
                    .collect(),
            )
        };
        FlattenOptions {
            mode: mode.or_else(|| (!self.melt_only.is_empty()).then(only)),
            zone: self.typed.then(Zone::berlin),
            precision: self.precision,
            format: match self.format {
                FileFormat::Csv => Format::Csv,
                FileFormat::Parquet => Format::Parquet,
                FileFormat::Ndjson => Format::NdJson,
            },
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            ..FlattenOptions::default()
        }
    }
}

/// How cells with several values are written.
#[derive(Debug, Args)]
struct Cells {
    /// Between the values of a cell
    #[arg(long, default_value = " ~ ")]
    sep: String,
    /// Round the index of a value
    #[arg(long, num_args = 2, value_names = ["OPEN", "CLOSE"], default_values = ["[", "]"])]
    brackets: Vec<String>,
}

impl Cells {
    fn notation(&self) -> Result<Notation> {
        let [open, close] = self.brackets.as_slice() else {
            return Err(Error::new(ErrorKind::Config, "--brackets wants two texts"));
        };
        Ok(Notation::new(open, close, &self.sep))
    }
}

/// How faults of the input are taken, shared by the commands on files.
#[derive(Debug, Args)]
struct Leniency {
    /// Check also what no column asks for, to the last comma and escape; a resource with a fault is named and left out
    #[arg(long)]
    strict: bool,
    /// Read bytes that are no UTF-8 as the characters of Latin-1, instead of leaving their resource out
    #[arg(long)]
    latin1: bool,
    /// Mark cells of CSV with an apostrophe that a spreadsheet program would run as a formula
    #[arg(long)]
    spreadsheet_safe: bool,
    /// Leave Bundles and Parameters inside of others as they are, instead of taking their resources
    #[arg(long)]
    keep_nested: bool,
}

impl Leniency {
    fn set(&self, options: &mut fhir_crack::Options) {
        options.strict = self.strict;
        if self.latin1 {
            options.foreign_bytes = fhir_crack::ForeignBytes::Latin1;
        }
        if self.keep_nested {
            options.nested = fhir_crack::Nested::Keep;
        }
    }
}

/// Crack files to raw tables: one row a resource, repetitions in brackets
#[derive(Debug, Args)]
pub(super) struct Crack {
    #[command(flatten)]
    tables: Tables,
    #[command(flatten)]
    cells: Cells,
    #[command(flatten)]
    leniency: Leniency,
    /// One column an index
    #[arg(long)]
    wide: bool,
    #[arg(long, value_enum, default_value_t)]
    format: FileFormat,
    /// Directory for the tables
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Bundles, resources and NDJSON, XML or JSON, plain or gzip; folders are walked, - is standard input
    #[arg(required = true)]
    input: Vec<PathBuf>,
}

impl Crack {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut pages = fhir_crack::Options::default();
        self.leniency.set(&mut pages);
        let options = CrackOptions {
            pages,
            spreadsheet_safe: self.leniency.spreadsheet_safe,
            notation: self.cells.notation()?,
            wide: self.wide,
            format: match self.format {
                FileFormat::Csv => CrackFormat::Csv,
                FileFormat::Parquet => CrackFormat::Parquet,
                FileFormat::Ndjson => CrackFormat::NdJson,
            },
            directory: self.out.clone(),
        };
        let inputs = Inputs::find(&self.input)?;
        tell_skipped(&inputs);
        let reading = Reading::begin(inputs.bytes());
        let (summary, failed) = crack(&self.tables.read()?, &inputs, &options, &|bytes| {
            reading.advance(bytes);
        })?;
        reading.end();
        print!("{}", cracked(&summary));
        let ending = match self.format {
            FileFormat::Csv => "csv",
            FileFormat::Parquet => "parquet",
            FileFormat::Ndjson => "ndjson",
        };
        let files = summary
            .tables
            .iter()
            .map(|t| (format!("{}.{ending}", t.table), t.rows));
        self.tables
            .leave_out_empty(&self.out, &files.collect::<Vec<_>>())?;
        Ok(ended(&failed, inputs.len()))
    }
}

/// Crack, melt and type files to flat tables in one pass
#[derive(Debug, Args)]
pub(super) struct Flatten {
    #[command(flatten)]
    tables: Tables,
    #[command(flatten)]
    melting: Melting,
    #[command(flatten)]
    leniency: Leniency,
    /// Directory for the tables
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Bundles, resources and NDJSON, XML or JSON, plain or gzip; folders are walked, - is standard input
    #[arg(required = true)]
    input: Vec<PathBuf>,
}

impl Flatten {
    pub(super) fn run(self) -> Result<ExitCode> {
        let description = self.tables.read()?;
        let failed = |e: fhir_melt::Error| Error::new(ErrorKind::File, "flattening").because(e);
        let mut options = self.melting.options();
        self.leniency.set(&mut options.crack);
        let sink = sink(self.out.clone(), self.leniency.spreadsheet_safe)?;
        let mut pass = Pass::new(&description, options, sink).map_err(failed)?;
        let inputs = Inputs::find(&self.input)?;
        tell_skipped(&inputs);
        let reading = Reading::begin(inputs.bytes());
        let broken = inputs.each(&|bytes| reading.advance(bytes), |input| pass.read(input));
        reading.end();
        let summary = pass.finish().map_err(failed)?;
        print!("{}", cracked(&summary.crack));
        print!("{}", written(&summary.tables, summary.defects));
        let files = summary
            .tables
            .iter()
            .map(|table| (table.file.clone(), table.rows));
        self.tables
            .leave_out_empty(&self.out, &files.collect::<Vec<_>>())?;
        Ok(ended(&broken, inputs.len()))
    }
}

/// Melt a raw table to one row a repetition
#[derive(Debug, Args)]
pub(super) struct Melt {
    #[command(flatten)]
    tables: Tables,
    /// Table of the description that the raw rows are of, such as observation
    #[arg(long)]
    table: String,
    #[command(flatten)]
    melting: Melting,
    #[command(flatten)]
    cells: Cells,
    /// Raw table as CSV or Parquet, as cds2db crack writes it
    raw: PathBuf,
    /// File for the melted rows; child tables stand beside it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Melt {
    pub(super) fn run(self) -> Result<ExitCode> {
        let description = self.tables.read()?;
        let Some(table) = description.table(&self.table.to_ascii_lowercase()) else {
            return Err(Error::new(
                ErrorKind::Description,
                format!("the table description has no table {}", self.table),
            ));
        };
        let (files, defects) = melt_file(
            table,
            &self.raw,
            &self.out,
            &self.cells.notation()?,
            &self.melting.options(),
        )?;
        print!("{}", written(&files, defects));
        Ok(ExitCode::SUCCESS)
    }
}

/// Names the files of walked folders that are no FHIR.
pub(super) fn tell_skipped(inputs: &Inputs) {
    for path in inputs.skipped() {
        eprintln!("skipped, no FHIR: {}", path.display());
    }
}

/// The files with their rows, and where the defects are.
fn written(files: &[FlattenedTable], defects: u64) -> String {
    let mut text = String::new();
    for table in files.iter().filter(|table| table.rows > 0) {
        text.push_str(&format!("{:<40}{:>12} rows\n", table.file, table.rows));
    }
    if defects > 0 {
        text.push_str(&format!(
            "{defects} values could not be typed or were left out: defects.csv names them\n"
        ));
    }
    text
}

/// Makes the output directory and opens files in it.
pub(super) fn sink(directory: PathBuf, spreadsheet_safe: bool) -> Result<fhir_melt::flatten::Open> {
    std::fs::create_dir_all(&directory).map_err(|e| {
        Error::new(ErrorKind::File, format!("{} cannot be made", directory.display())).because(e)
    })?;
    Ok(Box::new(move |name: &str| {
        let file = std::fs::File::create(directory.join(name))?;
        let file = std::io::BufWriter::with_capacity(1 << 18, file);
        Ok(match spreadsheet_safe && name.ends_with(".csv") {
            true => Box::new(SpreadsheetSafe::new(file)) as Box<dyn std::io::Write + Send>,
            false => Box::new(file),
        })
    }))
}

/// What became of the resources: every one is a row or has a reason.
fn cracked(summary: &fhir_crack::Summary) -> String {
    let mut text = String::new();
    for t in summary.tables.iter().filter(|t| t.resources > 0) {
        text.push_str(&format!(
            "{:<28}{:>10} resources{:>10} rows{:>8} without a described value{:>8} repeated\n",
            t.table, t.resources, t.rows, t.no_value, t.duplicates
        ));
    }
    for (name, count) in &summary.other_types {
        text.push_str(&format!("{name:<28}{count:>10} resources, no table takes them\n"));
    }
    for (count, what) in [
        (summary.no_resource, "entries without a resource"),
        (summary.no_type, "resources without a type"),
        (summary.outcomes, "OperationOutcomes"),
    ] {
        if count > 0 {
            text.push_str(&format!("{count} {what}\n"));
        }
    }
    if let Some(place) = summary.first_without_type {
        text.push_str(&format!(
            "the first without a type begins in line {}, byte {}\n",
            place.line, place.column
        ));
    }
    text
}

/// Names the inputs that could not be read whole.
pub(super) fn ended<E: std::error::Error>(failed: &[(PathBuf, E)], inputs: usize) -> ExitCode {
    for (path, error) in failed {
        eprintln!("error: {}: {}", input(path), site_config::shown(&chain(error)));
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "{} of {inputs} inputs could not be read whole; what could be read is kept",
        failed.len()
    );
    ExitCode::FAILURE
}

fn input(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |e| e.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
