//! `cds2db view query`: a SQLQuery library over files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use sql_on_fhir::query::{Library, QueryError, QueryOutput, QueryRun};
use sql_on_fhir::{Format, Run, RunOptions};

use super::files::reading::Reading;
use super::view::{ViewFormat, artifacts, failed, json};
use super::{block_on, files};
use crate::files::Inputs;
use crate::{Error, ErrorKind, Result};

#[derive(Debug, Args)]
pub(super) struct Query {
    /// Library in JSON, of the profile SQLQuery or SQLView
    library: PathBuf,
    /// Bundles, resources and NDJSON to run the views over; folders are walked, - is standard input
    #[arg(required = true)]
    input: Vec<PathBuf>,
    /// Files and folders of ViewDefinitions and Libraries that are found by their url; shipped views are found by their name
    #[arg(long = "views", value_name = "PATH")]
    views: Vec<PathBuf>,
    /// Value of a parameter of the library
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    #[arg(long, value_enum, default_value_t)]
    format: ViewFormat,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("is written name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn refused(error: QueryError) -> Error {
    let kind = match error {
        QueryError::Failed { .. } => ErrorKind::Data,
        QueryError::Write(_) => ErrorKind::File,
        QueryError::Parameter { .. } => ErrorKind::Config,
        _ => ErrorKind::Description,
    };
    Error::new(kind, "running the query").because(error)
}

impl Query {
    pub(super) fn run(self) -> Result<ExitCode> {
        let library = Library::from_value(&json(&self.library)?).map_err(refused)?;
        let given: HashMap<String, String> = self.parameters.into_iter().collect();
        library.check(&given).map_err(refused)?;
        let query = QueryRun::new(library, &artifacts(&self.views)?).map_err(refused)?;
        // Beside what is written, not in a folder that others share.
        let beside = self.out.parent().filter(|path| !path.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new()
            .prefix(".tables-")
            .tempdir_in(beside)
            .map_err(|e| unwritable(beside, e))?;
        let mut options = RunOptions::default();
        options.format = Format::Arrow;
        let mut open = files::sink(folder.path().to_owned(), false)?;
        let mut run = Run::new(query.views(), options, &mut |name| open(name)).map_err(failed)?;
        let inputs = Inputs::find(&self.input)?;
        let reading = Reading::begin(inputs.bytes());
        let broken = inputs.each(&|bytes| reading.advance(bytes), |input| run.read(input));
        reading.end();
        let code = files::ended(&broken, inputs.len());
        run.finish().map_err(failed)?;
        let out = std::fs::File::create(&self.out).map_err(|e| unwritable(&self.out, e))?;
        let out = Box::new(std::io::BufWriter::new(out));
        let output = QueryOutput {
            format: self.format.into(),
            ..QueryOutput::default()
        };
        let summary = block_on(async {
            let run = query.run(folder.path(), &given, output, out).await;
            run.map_err(refused)
        })?;
        println!("{:<40}{:>12} rows", self.out.display(), summary.rows);
        Ok(code)
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be written", path.display())).because(error)
}
