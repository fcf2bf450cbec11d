use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fhir_melt::arrow::{
    Event, Pass, Profile, Unread, defect_batch, defect_schema, rejected_batch, rejected_schema,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};
use table_description::Defect;

use crate::description::Description;
use crate::errors::Failure;
use crate::inputs::{Inputs, Raised};
use crate::settings::Settings;
use crate::table::Table;
use crate::watch::{TICK, Watch};

/// Tables by name, defects, what could not be read, and counts.
type Given<'py> = (Bound<'py, PyDict>, Table, Table, Bound<'py, PyDict>);

/// Names of the outputs with their schemas and no rows, the raw tables of resources above the limit left out.
#[pyfunction]
pub(crate) fn describe<'py>(
    py: Python<'py>,
    description: &Description,
    settings: Settings,
) -> PyResult<Bound<'py, PyDict>> {
    let pass = settings
        .options()
        .and_then(|options| Ok(Pass::new(&description.tables, options)?))
        .map_err(|failure| failure.into_py(py))?;
    let tables = PyDict::new(py);
    for (name, schema) in pass.outputs().iter().filter(|(name, _)| !name.ends_with(".raw")) {
        let table = Table::new(name.clone(), Arc::clone(schema), Vec::new());
        tables.set_item(name, Bound::new(py, table)?)?;
    }
    Ok(tables)
}

/// Reads all inputs and keeps their rows.
#[pyfunction]
#[pyo3(signature = (inputs, description, settings, *, column, collect, progress))]
pub(crate) fn run<'py>(
    py: Python<'py>,
    inputs: &Bound<'py, PyIterator>,
    description: &Description,
    settings: Settings,
    column: Option<String>,
    collect: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Given<'py>> {
    let (watch, raised) = (Watch::default(), Raised::default());
    let inputs = Inputs::new(inputs, column, &watch, &raised);
    let description = Arc::clone(&description.tables);
    let profile = settings.profile().map_err(|failure| failure.into_py(py))?;
    let kept = watch.over(py, progress.as_ref(), || {
        let mut pass = Pass::new(&description, settings.options()?)?;
        let mut kept = Kept::new(&pass, profile);
        let ended = pass.run(inputs, |event| {
            if watch.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            kept.take(event, collect)
        });
        // What the caller's own code raised comes before what followed from it.
        raised.take().map_or(ended, Err)?;
        kept.summary = pass.summary();
        Ok(kept)
    })?;
    kept.given(py)
}

/// What a run has given so far.
struct Kept {
    tables: Vec<(String, SchemaRef, Vec<RecordBatch>)>,
    defects: Vec<Defect>,
    unread: Vec<Unread>,
    profile: Profile,
    summary: fhir_crack::Summary,
}

impl Kept {
    fn new(pass: &Pass, profile: Profile) -> Self {
        let outputs = pass.outputs().iter();
        Self {
            tables: outputs
                .map(|(name, schema)| (name.clone(), Arc::clone(schema), Vec::new()))
                .collect(),
            defects: Vec::new(),
            unread: Vec::new(),
            profile,
            summary: fhir_crack::Summary::default(),
        }
    }

    fn take(&mut self, event: Event, collect: bool) -> Result<(), Failure> {
        match event {
            Event::Rows(number, batch) => {
                if let Some((.., batches)) = self.tables.get_mut(number) {
                    batches.push(batch);
                }
            }
            Event::Defects(mut defects) => self.defects.append(&mut defects),
            Event::Unread(unread) => self.unread.push(unread_or_raise(unread, collect)?),
            Event::Broken(input, error) => self.unread.push(broken_or_raise(&input, error, collect)?),
            Event::Read(_) => {}
        }
        Ok(())
    }

    fn given(self, py: Python<'_>) -> PyResult<Given<'_>> {
        let tables = PyDict::new(py);
        for (name, schema, batches) in self.tables {
            if name.ends_with(".raw") && batches.is_empty() {
                continue;
            }
            let table = Table::new(name.clone(), schema, batches);
            tables.set_item(&name, Bound::new(py, table)?)?;
        }
        let defects = defects(self.profile, &self.defects).map_err(|failure| failure.into_py(py))?;
        let unread = unread(self.profile, &self.unread).map_err(|failure| failure.into_py(py))?;
        Ok((tables, defects, unread, summary(py, &self.summary)?))
    }
}

fn unread_or_raise(unread: Unread, collect: bool) -> Result<Unread, Failure> {
    if collect {
        return Ok(unread);
    }
    Err(Failure::Unread {
        input: unread.input.to_string(),
        reason: unread.reason,
    })
}

fn broken_or_raise(input: &Arc<str>, error: std::io::Error, collect: bool) -> Result<Unread, Failure> {
    if collect {
        return Ok(Unread::page(input, fhir_crack::Error::from(error)));
    }
    Err(Failure::Broken {
        input: input.to_string(),
        error,
    })
}

fn refused(error: arrow_schema::ArrowError) -> Failure {
    Failure::Option(error.to_string())
}

fn defects(profile: Profile, defects: &[Defect]) -> Result<Table, Failure> {
    let batches = match defects {
        [] => Vec::new(),
        defects => vec![defect_batch(profile, defects).map_err(refused)?],
    };
    Ok(Table::new(
        "defects".to_owned(),
        Arc::new(defect_schema(profile)),
        batches,
    ))
}

fn unread(profile: Profile, unread: &[Unread]) -> Result<Table, Failure> {
    let batches = match unread {
        [] => Vec::new(),
        unread => vec![rejected_batch(profile, unread).map_err(refused)?],
    };
    Ok(Table::new(
        "rejected".to_owned(),
        Arc::new(rejected_schema(profile)),
        batches,
    ))
}

/// What became of the resources.
pub(crate) fn summary<'py>(py: Python<'py>, summary: &fhir_crack::Summary) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    for (name, count) in [
        ("pages", summary.pages),
        ("entries", summary.entries),
        ("no_resource", summary.no_resource),
        ("no_type", summary.no_type),
        ("rejected", summary.rejected),
        ("repaired", summary.repaired),
        ("outcomes", summary.outcomes),
    ] {
        all.set_item(name, count)?;
    }
    let others: BTreeMap<&String, &u64> = summary.other_types.iter().collect();
    all.set_item("other_types", others)?;
    let tables = PyDict::new(py);
    for table in &summary.tables {
        let counts = PyDict::new(py);
        counts.set_item("resources", table.resources)?;
        counts.set_item("rows", table.rows)?;
        counts.set_item("no_value", table.no_value)?;
        counts.set_item("duplicates", table.duplicates)?;
        tables.set_item(&table.table, counts)?;
    }
    all.set_item("tables", tables)?;
    Ok(all)
}

/// The rows of a run as they come, with bounded memory: an iterator of tables of one batch each.
#[pyclass(frozen, module = "fhirtab._native")]
pub(crate) struct Batches {
    coming: Mutex<Receiver<Result<Table, Failure>>>,
    watch: Watch,
}

/// Batches made before they are asked for.
const AHEAD: usize = 4;

/// Begins a run on threads of its own.
#[pyfunction]
#[pyo3(signature = (inputs, description, settings, *, column, collect))]
pub(crate) fn batches<'py>(
    py: Python<'py>,
    inputs: &Bound<'py, PyIterator>,
    description: &Description,
    settings: Settings,
    column: Option<String>,
    collect: bool,
) -> PyResult<Batches> {
    let (watch, raised) = (Watch::default(), Raised::default());
    let inputs = Inputs::new(inputs, column, &watch, &raised);
    let pass = settings
        .options()
        .and_then(|options| Ok(Pass::new(&description.tables, options)?))
        .map_err(|failure| failure.into_py(py))?;
    let profile = settings.profile().map_err(|failure| failure.into_py(py))?;
    let (send, coming) = sync_channel(AHEAD);
    let begun = watch.clone();
    std::thread::spawn(move || stream(pass, inputs, profile, collect, &begun, &raised, &send));
    Ok(Batches {
        coming: Mutex::new(coming),
        watch,
    })
}

fn stream(
    mut pass: Pass,
    inputs: Inputs,
    profile: Profile,
    collect: bool,
    watch: &Watch,
    raised: &Raised,
    send: &SyncSender<Result<Table, Failure>>,
) {
    let names: Vec<(String, SchemaRef)> = pass.outputs().to_vec();
    let ended = pass.run(inputs, |event| {
        let table = match event {
            Event::Rows(number, batch) => names
                .get(number)
                .map(|(name, schema)| Table::new(name.clone(), Arc::clone(schema), vec![batch])),
            Event::Defects(found) => Some(defects(profile, &found)?),
            Event::Unread(part) => Some(unread(profile, &[unread_or_raise(part, collect)?])?),
            Event::Broken(input, error) => {
                Some(unread(profile, &[broken_or_raise(&input, error, collect)?])?)
            }
            Event::Read(_) => None,
        };
        if watch.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        match table {
            // Nobody is there any more.
            Some(table) => send.send(Ok(table)).map_err(|_| Failure::Cancelled),
            None => Ok(()),
        }
    });
    if let Err(failure) = raised.take().map_or(ended, Err) {
        let _ = send.send(Err(failure));
    }
}

#[pymethods]
impl Batches {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Table>> {
        loop {
            let next = py.detach(|| {
                let coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
                coming.recv_timeout(TICK)
            });
            match next {
                Ok(Ok(table)) => return Ok(Some(table)),
                Ok(Err(failure)) => return Err(failure.into_py(py)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(signal) = py.check_signals() {
                        self.watch.cancel();
                        return Err(signal);
                    }
                }
            }
        }
    }

    /// Ends the run; batches that are made already can still be taken.
    fn close(&self) {
        self.watch.cancel();
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.watch.cancel();
    }
}
