//! Subjects to files: one pass over the data for all of them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::asked::{Asked, Shape};
use super::outcome::Refusal;
use super::resolve::{Found, Resolved};
use super::{Data, Unread, shape};
use crate::{ErrorKind, Format, Run, RunOptions, ViewDefinition, Views};

/// The file of a subject.
pub(super) struct Output {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// What a run gave.
pub(super) struct Done {
    pub(super) outputs: Vec<Output>,
    /// Inputs that could not be read whole, each with its first fault.
    pub(super) unread: Vec<String>,
}

/// Runs subjects into a folder, all over the same pass; `stop` ends it.
pub(super) fn run(
    asked: &Asked,
    subjects: &[Resolved],
    data: &dyn Data,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Done, Refusal> {
    let unread = RefCell::default();
    let work = Work {
        unread: &unread,
        asked,
        data,
        #[cfg(feature = "sql")]
        folder,
        stop,
    };
    let patients = work.patients()?;
    let mut views = Vec::new();
    for subject in subjects {
        match &subject.found {
            Found::View(view) => {
                let mut view = (**view).clone();
                view.name = Some(format!("view_{}", views.len()));
                views.push(work.narrowed(view, patients.as_ref())?);
            }
            #[cfg(feature = "sql")]
            Found::Query(_) => {}
        }
    }
    work.pass(&compiled(&views)?, asked.format.format(), folder)?;
    let mut outputs = Vec::new();
    let mut number = 0;
    for subject in subjects {
        let made = match &subject.found {
            Found::View(_) => {
                number += 1;
                folder.join(format!(
                    "view_{}.{}",
                    number - 1,
                    asked.format.format().extension()
                ))
            }
            #[cfg(feature = "sql")]
            Found::Query(query) => work.query(query, subject, outputs.len(), patients.as_ref())?,
        };
        let path = folder.join(format!("{}.{}", subject.name, asked.format.code()));
        shape::shaped(asked.format, &made, &path).map_err(unwritable)?;
        outputs.push(Output {
            name: subject.name.clone(),
            path,
        });
    }
    let unread = unread.into_inner().into_iter().collect();
    Ok(Done { outputs, unread })
}

struct Work<'a> {
    /// A set, since a request may read the data more than once.
    unread: &'a RefCell<BTreeSet<String>>,
    asked: &'a Asked,
    data: &'a dyn Data,
    /// Where the tables of a query lie until it has run.
    #[cfg(feature = "sql")]
    folder: &'a Path,
    stop: &'a AtomicBool,
}

type Ids = Arc<HashSet<String>>;

fn compiled(views: &[ViewDefinition]) -> Result<Views, Refusal> {
    Views::new(views).map_err(|error| Refusal::unprocessable(error.to_string()))
}

pub(super) fn unwritable(_: io::Error) -> Refusal {
    Refusal::failed("a file of the server could not be written or read")
}

impl Work<'_> {
    fn narrowed(&self, mut view: ViewDefinition, patients: Option<&Ids>) -> Result<ViewDefinition, Refusal> {
        if let Some(patients) = patients {
            view.only_patients(Arc::clone(patients));
        }
        if let Some(since) = &self.asked.since {
            view.only_since(since)
                .map_err(|error| Refusal::invalid(error.to_string()))?;
        }
        Ok(view)
    }

    /// The patients that are asked for, each proven to be among the data, and those of the groups.
    fn patients(&self) -> Result<Option<Ids>, Refusal> {
        if self.asked.patients.is_empty() && self.asked.groups.is_empty() {
            return Ok(None);
        }
        let mut wanted: HashSet<String> = self.asked.patients.iter().cloned().collect();
        let one = |resource: &str, select: serde_json::Value| json!({"name": resource.to_lowercase(), "resource": resource, "select": select});
        let key = json!({"column": [{"name": "id", "path": "getResourceKey()"}]});
        let member = json!({"forEachOrNull": "member.entity.getReferenceKey(Patient)", "column": [{"name": "member", "path": "$this"}]});
        let views = [one("Patient", json!([key])), one("Group", json!([key, member]))];
        let views: Result<Vec<_>, _> = views.iter().map(ViewDefinition::from_value).collect();
        let mut views = views.map_err(|error| Refusal::failed(error.to_string()))?;
        if let Some(view) = views.first_mut() {
            view.only_patients(Arc::new(wanted.clone()));
        }
        let kept = [Kept::default(), Kept::default()];
        let views = compiled(&views)?;
        let options = RunOptions {
            format: Format::NdJson,
            ..RunOptions::default()
        };
        let mut next = kept.iter();
        let run = Run::new(&views, options, &mut |_| {
            let kept = next.next().cloned().unwrap_or_default();
            Ok(Box::new(kept))
        });
        self.feed(run.map_err(|error| refused(&error))?)?;
        let [patients, groups] = kept;
        let known: HashSet<String> = patients.column("id").collect();
        if wanted.iter().any(|id| !known.contains(id)) {
            return Err(Refusal::invalid(
                "a patient that is asked for is not among the data",
            ));
        }
        for group in &self.asked.groups {
            if !groups.column("id").any(|id| id == *group) {
                return Err(Refusal::invalid(
                    "a group that is asked for is not among the data",
                ));
            }
            wanted.extend(groups.members(group));
        }
        Ok(Some(Arc::new(wanted)))
    }

    /// Runs views into files named after them.
    fn pass(&self, views: &Views, format: Format, folder: &Path) -> Result<(), Refusal> {
        if views.names().next().is_none() {
            return Ok(());
        }
        let options = RunOptions {
            format,
            limit: self.asked.limit,
            header: self.asked.header,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            ..RunOptions::default()
        };
        let run = Run::new(views, options, &mut |name| {
            let file = File::create_new(folder.join(name))?;
            Ok(Box::new(BufWriter::with_capacity(1 << 18, file)))
        });
        self.feed(run.map_err(|error| refused(&error))?)
    }

    fn feed(&self, mut run: Run<'_>) -> Result<(), Refusal> {
        let fed = match &self.asked.resources {
            Some(resources) => resources.iter().try_for_each(|resource| {
                let page = resource.to_string();
                run.read(page.as_bytes())
            }),
            None => {
                let stop = self.stop;
                let unread = self.data.each(&mut |input| run.read(Stoppable { input, stop }));
                unread.and_then(|unread| unread.into_iter().try_for_each(|one| self.remark(one)))
            }
        };
        fed.and_then(|()| run.finish())
            .map(drop)
            .map_err(|error| refused(&error))
    }

    /// A fault of the data is remarked, and the answer goes without what could not be read; any other ends the request.
    fn remark(&self, Unread { name, error }: Unread) -> Result<(), crate::Error> {
        let is_of_the_data = matches!(
            error.kind(),
            ErrorKind::Read(_) | ErrorKind::Input(_) | ErrorKind::SetAside { .. }
        );
        if !is_of_the_data || self.stop.load(Ordering::Relaxed) {
            return Err(error);
        }
        let cause = error.source().map(|cause| format!(": {cause}"));
        let text = format!(
            "{name}: {error}{}; what cannot be read of it is missing",
            cause.unwrap_or_default()
        );
        self.unread.borrow_mut().insert(text);
        Ok(())
    }

    #[cfg(feature = "sql")]
    fn query(
        &self,
        query: &crate::query::QueryRun,
        subject: &Resolved,
        number: usize,
        patients: Option<&Ids>,
    ) -> Result<PathBuf, Refusal> {
        use crate::query::QueryError;

        let folder = self.folder.join(format!("query_{number}"));
        std::fs::create_dir(&folder).map_err(unwritable)?;
        let views: Result<Vec<_>, _> = query
            .definitions()
            .iter()
            .map(|view| self.narrowed(view.clone(), patients))
            .collect();
        let whole = Work {
            asked: &Asked {
                limit: None,
                header: true,
                ..self.asked.clone()
            },
            ..*self
        };
        whole.pass(&compiled(&views?)?, Format::Arrow, &folder)?;
        let path = folder.join("result");
        let format = self.asked.format.format();
        let out = File::create_new(&path).map_err(unwritable)?;
        let output = crate::query::QueryOutput {
            format,
            header: self.asked.header,
            limit: self.asked.limit,
        };
        let out = Box::new(BufWriter::new(out));
        // This is a thread for work that blocks, so it may wait.
        let made =
            tokio::runtime::Handle::current().block_on(query.run(&folder, &subject.parameters, output, out));
        made.map(|_| path).map_err(|error| match error {
            QueryError::Parameter { .. } => Refusal::invalid(error.to_string()),
            QueryError::Write(error) => unwritable(error),
            QueryError::Failed { .. } => Refusal::failed(error.to_string()),
            error => Refusal::unprocessable(error.to_string()),
        })
    }
}

fn refused(error: &crate::Error) -> Refusal {
    match error.kind() {
        ErrorKind::View { .. } | ErrorKind::Resource { .. } => Refusal::unprocessable(error.to_string()),
        ErrorKind::Read(_) | ErrorKind::Input(_) | ErrorKind::SetAside { .. } => {
            Refusal::failed("the data could not be read")
        }
        ErrorKind::Write(_) => Refusal::failed("a file of the server could not be written"),
    }
}

impl Shape {
    /// What views are written as before the answer is shaped.
    fn format(self) -> Format {
        match self {
            Self::Csv => Format::Csv,
            Self::Parquet => Format::Parquet,
            Self::NdJson | Self::Json | Self::Fhir => Format::NdJson,
        }
    }
}

/// An input that fails once it is to stop.
struct Stoppable<'a> {
    input: &'a mut (dyn Read + Send),
    stop: &'a AtomicBool,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("cancelled"));
        }
        self.input.read(buffer)
    }
}

/// Rows kept in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn rows(&self) -> Vec<serde_json::Value> {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }

    fn column(&self, name: &'static str) -> impl Iterator<Item = String> {
        self.rows()
            .into_iter()
            .filter_map(move |row| row.get(name)?.as_str().map(str::to_owned))
    }

    /// The members of a group.
    fn members(&self, group: &str) -> Vec<String> {
        let rows = self
            .rows()
            .into_iter()
            .filter(|row| row.get("id").and_then(|id| id.as_str()) == Some(group));
        rows.filter_map(|row| row.get("member")?.as_str().map(str::to_owned))
            .collect()
    }
}
