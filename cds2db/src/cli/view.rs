//! `cds2db view`: ViewDefinitions of SQL on FHIR over files or a live server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use sql_on_fhir::{Format, Run, RunOptions, RunSummary, ViewDefinition, Views, shipped};

use super::files::reading::Reading;
use super::{block_on, files, view_server, view_suite};
use crate::files::Inputs;
use crate::{Error, ErrorKind, Result};

/// Run ViewDefinitions (SQL on FHIR) over files or a FHIR server, all in one pass
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct View {
    #[command(subcommand)]
    command: Option<Command>,
    /// ViewDefinition in JSON, or the name of a shipped one (cds2db view shipped)
    #[arg(long = "view", value_name = "FILE", required = true)]
    views: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: ViewFormat,
    /// Directory for the tables, made where it is missing
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// Base URL of a FHIR server to ask for all resources the views are over, instead of files
    #[arg(long, value_name = "URL", conflicts_with = "input")]
    server: Option<String>,
    /// Ask the server for a bulk export instead of searching
    #[arg(long, requires = "server")]
    export: bool,
    /// Bundles, resources and NDJSON, XML or JSON, plain or gzip; folders are walked, - is standard input
    #[arg(required_unless_present = "server")]
    input: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report every fault of views and what looks wrong
    Check {
        /// ViewDefinitions in JSON
        #[arg(required = true)]
        views: Vec<PathBuf>,
    },
    /// List the shipped views, or write them to edit
    Shipped {
        /// Folder to write them to
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Run files of the public test suite
    Test {
        /// Folder of test files
        folder: PathBuf,
        /// Where to write the report in the form of the registry of implementations
        #[arg(long, value_name = "FILE", default_value = "test_report.json")]
        report: PathBuf,
    },
    /// Run one view over a folder into one CSV file, as the public benchmark calls a program
    Bench {
        /// Folder of NDJSON files
        data: PathBuf,
        /// ViewDefinition in JSON
        view: PathBuf,
        /// CSV file to write
        out: PathBuf,
    },
    /// Run a SQLQuery library: SQL over the tables of views
    #[cfg(feature = "sql")]
    Query(super::view_query::Query),
    /// Answer $sql-run and $sql-export over files
    #[cfg(feature = "view-serve")]
    Serve(super::view_serve::Serve),
    /// Write a table of a table description as a view
    FromDescription {
        /// Name of the table, such as patient
        table: String,
        /// Table description: workbook, CSV file or folder; the built-in one where not given
        #[arg(long, value_name = "FILE")]
        description: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum ViewFormat {
    #[default]
    Csv,
    Ndjson,
    Parquet,
    /// Arrow IPC file
    Arrow,
}

impl From<ViewFormat> for Format {
    fn from(format: ViewFormat) -> Self {
        match format {
            ViewFormat::Csv => Self::Csv,
            ViewFormat::Ndjson => Self::NdJson,
            ViewFormat::Parquet => Self::Parquet,
            ViewFormat::Arrow => Self::Arrow,
        }
    }
}

impl Command {
    fn run(self) -> Result<ExitCode> {
        match self {
            Self::Check { views } => check(&views),
            Self::Shipped { out } => list(out.as_deref()),
            Self::Test { folder, report } => view_suite::test(&folder, &report),
            Self::Bench { data, view, out } => bench(&data, &view, &out),
            #[cfg(feature = "sql")]
            Self::Query(query) => query.run(),
            #[cfg(feature = "view-serve")]
            Self::Serve(serve) => serve.run(),
            Self::FromDescription { table, description } => from_description(&table, description.as_deref()),
        }
    }
}

impl View {
    pub(super) fn run(self) -> Result<ExitCode> {
        if let Some(command) = self.command {
            return command.run();
        }
        let views = compile(&self.views)?;
        let mut options = RunOptions::default();
        options.format = self.format.into();
        options.threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // A search may bring a resource twice.
        options.distinct = self.server.is_some();
        let out = self.out.unwrap_or_default();
        let mut open = files::sink(out.clone(), false)?;
        let mut run = Run::new(&views, options, &mut |name| open(name)).map_err(failed)?;
        let code = match &self.server {
            Some(server) => {
                let read = view_server::read(server, self.export, &out, &views, &mut run);
                view_server::ended(block_on(read)?)
            }
            None => {
                let inputs = Inputs::find(&self.input)?;
                let reading = Reading::begin(inputs.bytes());
                let broken = inputs.each(&|bytes| reading.advance(bytes), |input| run.read(input));
                reading.end();
                files::ended(&broken, inputs.len())
            }
        };
        print!("{}", told(&run.finish().map_err(failed)?));
        Ok(code)
    }
}

pub(super) fn failed(error: sql_on_fhir::Error) -> Error {
    let kind = match error.kind() {
        sql_on_fhir::ErrorKind::View { .. } => ErrorKind::Description,
        sql_on_fhir::ErrorKind::Resource { .. } => ErrorKind::Data,
        sql_on_fhir::ErrorKind::Input(_) | sql_on_fhir::ErrorKind::SetAside { .. } => ErrorKind::Crack,
        _ => ErrorKind::File,
    };
    Error::new(kind, "running views").because(error)
}

/// A view by its file or, where no file has this name, by that of a shipped one.
pub(super) fn read(path: &Path) -> Result<ViewDefinition> {
    let name = path.display().to_string();
    let text = match shipped::named(&name).filter(|_| !path.exists()) {
        Some(text) => text.as_bytes().to_vec(),
        None => std::fs::read(path)
            .map_err(|e| Error::new(ErrorKind::File, format!("{name} cannot be read")).because(e))?,
    };
    ViewDefinition::from_json(&text).map_err(|e| Error::new(ErrorKind::Description, name).because(e))
}

/// JSON of a file.
#[cfg(any(feature = "sql", feature = "view-serve"))]
pub(super) fn json(path: &Path) -> Result<serde_json::Value> {
    let name = || path.display().to_string();
    let text = std::fs::read(path).map_err(|e| Error::new(ErrorKind::File, name()).because(e))?;
    serde_json::from_slice(&text).map_err(|e| Error::new(ErrorKind::Description, name()).because(e))
}

/// The shipped views, and the ViewDefinitions and Libraries of files; JSON files of folders are looked through.
#[cfg(any(feature = "sql", feature = "view-serve"))]
pub(super) fn artifacts(paths: &[PathBuf]) -> Result<sql_on_fhir::Artifacts> {
    let mut artifacts = sql_on_fhir::Artifacts::shipped();
    for path in paths {
        if !path.is_dir() {
            if artifacts.add(json(path)?) == 0 {
                let place = format!("{} is neither a ViewDefinition nor a Library", path.display());
                return Err(Error::new(ErrorKind::Description, place));
            }
            continue;
        }
        let failed = |e| Error::new(ErrorKind::File, format!("{} cannot be read", path.display())).because(e);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            files.push(entry.map_err(failed)?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        for file in files {
            artifacts.add(json(&file)?);
        }
    }
    Ok(artifacts)
}

fn compile(paths: &[PathBuf]) -> Result<Views> {
    let views = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    for (path, view) in paths.iter().zip(&views) {
        for lint in view.lints() {
            eprintln!("warning: {}: {lint}", path.display());
        }
    }
    Views::new(&views).map_err(failed)
}

fn check(paths: &[PathBuf]) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for path in paths {
        let compiled = read(path).and_then(|view| {
            let views = Views::new(std::slice::from_ref(&view)).map_err(failed)?;
            Ok((view, views))
        });
        match compiled {
            Ok((view, views)) => {
                for lint in view.lints() {
                    println!("{}: warning: {lint}", path.display());
                }
                let columns = views.columns(0).count();
                println!("{}: no fault, {columns} columns", path.display());
            }
            Err(error) => {
                super::print_error(&error);
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn list(out: Option<&Path>) -> Result<ExitCode> {
    for (name, text) in shipped::all() {
        match out {
            None => println!("{name}"),
            Some(folder) => {
                let path = folder.join(format!("{name}.json"));
                std::fs::create_dir_all(folder)
                    .and_then(|()| std::fs::write(&path, text))
                    .map_err(|e| Error::new(ErrorKind::File, path.display().to_string()).because(e))?;
                println!("{}", path.display());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn bench(data: &Path, view: &Path, out: &Path) -> Result<ExitCode> {
    let views = compile(&[view.to_owned()])?;
    let mut options = RunOptions::default();
    options.threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut open = |_: &str| {
        let file = std::fs::File::create(out)?;
        Ok(Box::new(std::io::BufWriter::with_capacity(1 << 18, file)) as Box<dyn Write + Send>)
    };
    let mut run = Run::new(&views, options, &mut open).map_err(failed)?;
    let inputs = Inputs::find(&[data.to_owned()])?;
    let broken = inputs.each(&|_| {}, |input| run.read(input));
    run.finish().map_err(failed)?;
    Ok(files::ended(&broken, inputs.len()))
}

fn from_description(table: &str, description: Option<&Path>) -> Result<ExitCode> {
    let description = match description {
        Some(file) => super::describe::read(file)?,
        None => table_description::default_description(),
    };
    let Some(table) = description.table(&table.to_ascii_lowercase()) else {
        let place = format!("the table description has no table {table}");
        return Err(Error::new(ErrorKind::Description, place));
    };
    let (view, notes) = sql_on_fhir::describe::from_table(table)
        .map_err(|reason| Error::new(ErrorKind::Description, format!("{}: {reason}", table.name)))?;
    for note in notes {
        eprintln!("note: {note}");
    }
    println!("{view:#}");
    Ok(ExitCode::SUCCESS)
}

/// What became of the resources and what the views gave.
fn told(summary: &RunSummary) -> String {
    let mut text = String::new();
    for table in &summary.crack.tables {
        text.push_str(&format!("{:<28}{:>10} resources\n", table.table, table.resources));
    }
    for (name, count) in &summary.crack.other_types {
        text.push_str(&format!(
            "{name:<28}{count:>10} resources, no view is over them\n"
        ));
    }
    for view in &summary.views {
        text.push_str(&format!("{:<40}{:>12} rows\n", view.file, view.rows));
        for (column, count) in &view.misfits {
            text.push_str(&format!(
                "  {column}: {count} values are not of the column's type; those cells are empty\n"
            ));
        }
    }
    text
}
