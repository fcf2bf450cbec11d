use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_schema::SchemaRef;
use fhir_melt::arrow::{Input, Profile, Source};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};
use sql_on_fhir::{Format, Run, RunOptions, RunSummary, ViewDefinition, Views, shipped};

use crate::collecting::Collecting;
use crate::errors::Failure;
use crate::inputs::{Inputs, Raised};
use crate::rejected::Rejected;
use crate::run::summary;
use crate::settings::Settings;
use crate::table::{Table, times_as_text};
use crate::watch::Watch;

/// Names of the shipped views with their definitions in JSON.
#[pyfunction]
pub(crate) fn shipped_views() -> BTreeMap<&'static str, &'static str> {
    shipped::all().collect()
}

/// Tables by name, what could not be read, counts, and for each view the columns with values that are not of their type.
type Given<'py> = (Bound<'py, PyDict>, Table, Bound<'py, PyDict>, Bound<'py, PyDict>);

/// Runs views, given as JSON, over all inputs.
#[pyfunction]
#[pyo3(signature = (inputs, views, settings, *, column, collect, progress))]
pub(crate) fn view<'py>(
    py: Python<'py>,
    inputs: &Bound<'py, PyIterator>,
    views: Vec<String>,
    settings: Settings,
    column: Option<String>,
    collect: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Given<'py>> {
    let (watch, raised) = (Watch::default(), Raised::default());
    let inputs = Inputs::new(inputs, column, &watch, &raised);
    let views = compile(&views).map_err(|failure| failure.into_py(py))?;
    let profile = settings.profile().map_err(|failure| failure.into_py(py))?;
    let (told, tables, rejected) = watch.over(py, progress.as_ref(), || {
        let ended = over(inputs, &views, &settings, collect, &watch);
        raised.take().map_or(ended, Err)
    })?;
    let (all, misfits) = (PyDict::new(py), PyDict::new(py));
    for view in &told.views {
        let (schema, batches) = read(&tables, &view.file, profile).map_err(|failure| failure.into_py(py))?;
        let table = Table::new(view.view.clone(), schema, batches);
        all.set_item(&view.view, Bound::new(py, table)?)?;
        let counts: BTreeMap<&String, u64> =
            view.misfits.iter().map(|(name, count)| (name, *count)).collect();
        misfits.set_item(&view.view, counts)?;
    }
    let rejected = rejected.table(profile).map_err(|failure| failure.into_py(py))?;
    Ok((all, rejected, summary(py, &told.crack)?, misfits))
}

pub(crate) fn failed(input: &str) -> impl Fn(sql_on_fhir::Error) -> Failure {
    let input = input.to_owned();
    move |error| Failure::View {
        input: input.clone(),
        error,
    }
}

fn compile(texts: &[String]) -> Result<Views, Failure> {
    let views = texts
        .iter()
        .map(|text| ViewDefinition::from_json(text.as_bytes()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed(""))?;
    Views::new(&views).map_err(failed(""))
}

fn over(
    inputs: Inputs,
    views: &Views,
    settings: &Settings,
    collect: bool,
    watch: &Watch,
) -> Result<(RunSummary, Files, Rejected), Failure> {
    let files = Files::default();
    let mut options = RunOptions::default();
    options.format = Format::Arrow;
    options.row_limit = settings.row_limit.max(1);
    options.distinct = settings.distinct;
    let mut run = Run::new(views, options, &mut |name| {
        Ok(Box::new(files.open(name)) as Box<dyn Write + Send>)
    })
    .map_err(failed(""))?;
    let mut collecting = collect.then(|| Collecting::new(views));
    for input in inputs {
        if watch.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        match &mut collecting {
            Some(collecting) => collecting.input(&mut run, input)?,
            None => all_or_raise(&mut run, input)?,
        }
    }
    if watch.is_cancelled() {
        return Err(Failure::Cancelled);
    }
    let mut told = run.finish().map_err(failed(""))?;
    let (rejected, pieces) = collecting.map(Collecting::end).unwrap_or_default();
    told.crack.pages -= pieces;
    Ok((told, files, rejected))
}

/// Reads an input; the first fault is raised.
fn all_or_raise(run: &mut Run<'_>, input: Input) -> Result<(), Failure> {
    match input.source {
        Source::Broken(error) => Err(Failure::Broken {
            input: input.name.to_string(),
            error,
        }),
        Source::Reader(reader) => run.read(reader).map_err(failed(&input.name)),
        Source::Values(values) => values
            .iter()
            .try_for_each(|(row, value)| run.read(value).map_err(failed(&format!("row {row}")))),
    }
}

fn read(files: &Files, name: &str, profile: Profile) -> Result<(SchemaRef, Vec<RecordBatch>), Failure> {
    let refused = |error: arrow_schema::ArrowError| Failure::Option(error.to_string());
    let reader = FileReader::try_new(Cursor::new(files.take(name)), None).map_err(refused)?;
    let mut schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(refused)?;
    if profile == Profile::Native {
        return Ok((schema, batches));
    }
    schema = times_as_text(&RecordBatch::new_empty(schema)).schema();
    Ok((schema, batches.iter().map(times_as_text).collect()))
}

/// Outputs in memory.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

struct Output(Files, String);

impl Files {
    fn open(&self, name: &str) -> Output {
        Output(self.clone(), name.to_owned())
    }

    fn take(&self, name: &str) -> Vec<u8> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.remove(name).unwrap_or_default()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut files = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(self.1.clone()).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
