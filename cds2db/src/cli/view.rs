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
enum ViewFormat {
    #[default]
    Csv,
    Ndjson,
    Parquet,
    /// Arrow IPC file
    Arrow,
}

impl View {
    pub(super) fn run(self) -> Result<ExitCode> {
        match &self.command {
            Some(Command::Check { views }) => return check(views),
            Some(Command::Shipped { out }) => return list(out.as_deref()),
            Some(Command::Test { folder, report }) => return view_suite::test(folder, report),
            Some(Command::Bench { data, view, out }) => return bench(data, view, out),
            Some(Command::FromDescription { table, description }) => {
                return from_description(table, description.as_deref());
            }
            None => {}
        }
        let views = compile(&self.views)?;
        let mut options = RunOptions::default();
        options.format = match self.format {
            ViewFormat::Csv => Format::Csv,
            ViewFormat::Ndjson => Format::NdJson,
            ViewFormat::Parquet => Format::Parquet,
            ViewFormat::Arrow => Format::Arrow,
        };
        options.threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // A search may bring a resource twice.
        options.distinct = self.server.is_some();
        let out = self.out.unwrap_or_default();
        let mut open = files::sink(out, false)?;
        let mut run = Run::new(&views, options, &mut |name| open(name)).map_err(failed)?;
        let code = match &self.server {
            Some(server) => {
                block_on(view_server::read(server, self.export, &views, &mut run))?;
                ExitCode::SUCCESS
            }
            None => {
                let inputs = Inputs::find(&self.input)?;
                let reading = Reading::begin(inputs.bytes());
                let broken = inputs.each(&|bytes| reading.advance(bytes), |input| run.read(input))?;
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
        sql_on_fhir::ErrorKind::Input(_) => ErrorKind::Crack,
        _ => ErrorKind::File,
    };
    Error::new(kind, "running views").because(error)
}

/// A view by its file or, where no file has this name, by that of a shipped one.
fn read(path: &Path) -> Result<ViewDefinition> {
    let name = path.display().to_string();
    let text = match shipped::named(&name).filter(|_| !path.exists()) {
        Some(text) => text.as_bytes().to_vec(),
        None => std::fs::read(path)
            .map_err(|e| Error::new(ErrorKind::File, format!("{name} cannot be read")).because(e))?,
    };
    ViewDefinition::from_json(&text).map_err(|e| Error::new(ErrorKind::Description, name).because(e))
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
    let broken = inputs.each(&|_| {}, |input| run.read(input))?;
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
