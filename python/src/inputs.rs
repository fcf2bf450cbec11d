use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use fhir_melt::arrow::{Input, Source, Values};
use flate2::read::MultiGzDecoder;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyIterator, PyString};
use pyo3_arrow::ffi::ArrayReader;
use pyo3_arrow::input::AnyArray;

use crate::errors::Failure;
use crate::watch::Watch;

/// The inputs an iterator of Python gives, opened one after the other.
pub(crate) struct Inputs {
    given: Py<PyIterator>,
    column: Option<String>,
    files: Vec<PathBuf>,
    table: Option<Table>,
    watch: Watch,
    raised: Raised,
}

/// What code of the caller raised in between.
#[derive(Clone, Default)]
pub(crate) struct Raised(Arc<Mutex<Option<Failure>>>);

impl Raised {
    pub(crate) fn keep(&self, failure: Failure) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert(failure);
    }

    pub(crate) fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Table {
    reader: Box<dyn ArrayReader + Send>,
    /// The column of a table; none for an array of its own.
    column: Option<usize>,
    rows: u64,
}

impl Inputs {
    pub(crate) fn new(
        given: &Bound<'_, PyIterator>,
        column: Option<String>,
        watch: &Watch,
        raised: &Raised,
    ) -> Self {
        Self {
            given: given.clone().unbind(),
            column,
            files: Vec::new(),
            table: None,
            watch: watch.clone(),
            raised: raised.clone(),
        }
    }

    /// The next of what is begun.
    fn go_on(&mut self) -> Option<Input> {
        if let Some(path) = self.files.pop() {
            return Some(self.file(&path));
        }
        let table = self.table.as_mut()?;
        let array = match table.reader.next()? {
            Ok(array) => array,
            // What its maker says may hold a value.
            Err(_) => {
                let text = "the table cannot be read: its stream ended with an error";
                self.raised.keep(Failure::Option(text.to_owned()));
                return None;
            }
        };
        let before = table.rows;
        table.rows += array.len() as u64;
        let values = table.values(&array)?;
        Values::new(values, before).map(|values| Input {
            name: "".into(),
            source: Source::Values(values),
        })
    }

    fn file(&mut self, path: &Path) -> Input {
        let name: Arc<str> = path.display().to_string().into();
        let opened = self.open(path);
        Input {
            name,
            source: opened.map_or_else(Source::Broken, Source::Reader),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let file = Watched {
            from: File::open(path)?,
            watch: self.watch.clone(),
        };
        plain(file)
    }

    /// Takes what the iterator gives next; none at its end.
    fn begin(&mut self) -> Result<Option<Input>, Failure> {
        Python::attach(|py| {
            let mut given = self.given.bind(py).clone();
            let Some(next) = given.next() else {
                return Ok(None);
            };
            let next = next?;
            if let Ok(path) = next.cast::<PyString>() {
                walk(Path::new(&path.to_string_lossy().into_owned()), &mut self.files)?;
                self.files.reverse();
                return Ok(self.go_on().or(Some(nothing())));
            }
            if let Ok(bytes) = next.cast::<PyBytes>() {
                let bytes = PyBackedBytes::from(bytes.clone());
                let reader = Watched {
                    from: Cursor::new(bytes),
                    watch: self.watch.clone(),
                };
                let source = plain(reader).map_or_else(Source::Broken, Source::Reader);
                let name = "".into();
                return Ok(Some(Input { name, source }));
            }
            if next.hasattr("__arrow_c_stream__")? || next.hasattr("__arrow_c_array__")? {
                let array: AnyArray = next.extract()?;
                self.table = Some(Table::new(array.into_reader()?, self.column.as_deref())?);
                return Ok(self.go_on().or(Some(nothing())));
            }
            let reader = Watched {
                from: FileObject::new(next.clone().unbind(), self.raised.clone()),
                watch: self.watch.clone(),
            };
            let name = match next.getattr("name").and_then(|name| name.extract::<String>()) {
                Ok(name) => name.into(),
                Err(_) => "".into(),
            };
            drop(next);
            // It reads with the lock, so not before it is given back.
            let source = Source::Reader(Box::new(Lazy::Unopened(Some(reader))));
            Ok(Some(Input { name, source }))
        })
    }
}

impl Iterator for Inputs {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        if self.watch.is_cancelled() {
            return None;
        }
        if let Some(input) = self.go_on() {
            return Some(input);
        }
        self.table = None;
        match self.begin() {
            Ok(input) => input,
            Err(failure) => {
                self.raised.keep(failure);
                None
            }
        }
    }
}

/// An input without a page, for folders and tables without anything in them.
fn nothing() -> Input {
    let empty: ArrayRef = Arc::new(arrow_array::StringArray::new_null(0));
    Input {
        name: "".into(),
        source: match Values::new(empty, 0) {
            Some(values) => Source::Values(values),
            None => Source::Reader(Box::new(io::empty())),
        },
    }
}

impl Table {
    fn new(reader: Box<dyn ArrayReader + Send>, wanted: Option<&str>) -> Result<Self, Failure> {
        let field = reader.field();
        let column = match field.data_type() {
            DataType::Struct(fields) => {
                let fit = |name: &str| {
                    fields
                        .iter()
                        .position(|field| field.name() == name && Values::takes(field.data_type()))
                };
                let mut texts = fields
                    .iter()
                    .enumerate()
                    .filter(|(_, f)| Values::takes(f.data_type()));
                let found = match wanted {
                    Some(name) => fit(name),
                    None => match (texts.next(), texts.next()) {
                        (Some((only, _)), None) => Some(only),
                        _ => ["resource", "value", "content", "body", "json"]
                            .into_iter()
                            .find_map(fit),
                    },
                };
                let Some(found) = found else {
                    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
                    return Err(Failure::Option(format!(
                        "which column of the table holds the resources, as text or bytes? column= names it; there are: {}",
                        names.join(", ")
                    )));
                };
                Some(found)
            }
            other if Values::takes(other) => None,
            other => {
                return Err(Failure::Option(format!(
                    "resources are text or bytes, not {other}"
                )));
            }
        };
        Ok(Self {
            reader,
            column,
            rows: 0,
        })
    }

    fn values(&self, array: &ArrayRef) -> Option<ArrayRef> {
        match self.column {
            Some(column) => array.as_struct_opt()?.columns().get(column).map(Arc::clone),
            None => Some(Arc::clone(array)),
        }
    }
}

/// Files of a folder and those within, in the order of names.
fn walk(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let broken = |error| Failure::Broken {
        input: path.display().to_string(),
        error,
    };
    if !std::fs::metadata(path).map_err(broken)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(broken)?;
    let inside: io::Result<Vec<PathBuf>> = entries.map(|entry| entry.map(|e| e.path())).collect();
    let mut inside = inside.map_err(broken)?;
    inside.sort();
    inside.iter().try_for_each(|path| match path.metadata() {
        Ok(_) => walk(path, files),
        // Told when it is its turn to be opened, so that it stops nothing else.
        Err(_) => {
            files.push(path.clone());
            Ok(())
        }
    })
}

/// Compressed bytes as what they were, so that they can be split between threads like others.
fn plain(mut from: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut head = [0; 2];
    let mut filled = 0;
    while filled < head.len() {
        match from.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let begun = Cursor::new(head).take(filled as u64);
    let whole = begun.chain(from);
    Ok(match head {
        [0x1f, 0x8b] => Box::new(MultiGzDecoder::new(whole)),
        _ => Box::new(whole),
    })
}

/// A reader that counts, and ends where the caller has given up.
struct Watched<R> {
    from: R,
    watch: Watch,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.is_cancelled() {
            return Err(io::Error::other("given up"));
        }
        let read = self.from.read(buffer)?;
        self.watch.add(read as u64);
        Ok(read)
    }
}

/// A reader that is looked at when it is first asked.
enum Lazy<R> {
    Unopened(Option<R>),
    Open(Box<dyn Read + Send>),
}

impl<R: Read + Send + 'static> Read for Lazy<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Unopened(reader) = self {
            let Some(reader) = reader.take() else {
                return Ok(0);
            };
            *self = Self::Open(plain(reader)?);
        }
        match self {
            Self::Open(reader) => reader.read(buffer),
            Self::Unopened(_) => Ok(0),
        }
    }
}

/// A file of Python: whatever has a method `read`.
struct FileObject {
    file: Py<PyAny>,
    raised: Raised,
    /// What was read last, and how much of it is handed on.
    last: Vec<u8>,
    done: usize,
}

/// Bytes asked of a file of Python at a time: each time takes the interpreter's lock.
const ASKED: usize = 1 << 20;

impl FileObject {
    fn new(file: Py<PyAny>, raised: Raised) -> Self {
        Self {
            file,
            raised,
            last: Vec::new(),
            done: 0,
        }
    }

    fn ask(&mut self) -> PyResult<()> {
        self.last.clear();
        self.done = 0;
        Python::attach(|py| {
            let given = self.file.bind(py).call_method1("read", (ASKED,))?;
            if let Ok(text) = given.cast::<PyString>() {
                self.last.extend_from_slice(text.to_str()?.as_bytes());
                return Ok(());
            }
            let bytes: PyBackedBytes = given.extract()?;
            self.last.extend_from_slice(&bytes);
            Ok(())
        })
    }
}

impl Read for FileObject {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done >= self.last.len()
            && let Err(error) = self.ask()
        {
            self.raised.keep(Failure::Python(error));
            return Err(io::Error::other("the file object cannot be read"));
        }
        let left = self.last.get(self.done..).unwrap_or_default();
        let part = left.len().min(buffer.len());
        buffer[..part].copy_from_slice(&left[..part]);
        self.done += part;
        Ok(part)
    }
}
