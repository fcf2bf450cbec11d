use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::flatten::Lines;
use crate::flatten::Piece;

/// Something to read pages from.
pub struct Input {
    /// What faults are told with.
    pub name: Arc<str>,
    /// Where the bytes are.
    pub source: Source,
}

/// Where the bytes of an input are.
pub enum Source {
    /// One page: a Bundle, a resource, or a file with one resource a line.
    Reader(Box<dyn Read + Send>),
    /// One page a value.
    Values(Values),
    /// Nowhere: it could not be opened.
    Broken(io::Error),
}

/// A column of texts or bytes, one page a value; NULL is none.
#[derive(Clone)]
pub struct Values {
    array: ArrayRef,
    /// Rows before the first value.
    before: u64,
}

impl Values {
    /// The values of an array behind so many rows; none if it is not one of text or bytes.
    #[must_use]
    pub fn new(array: ArrayRef, before: u64) -> Option<Self> {
        Self::takes(array.data_type()).then_some(Self { array, before })
    }

    /// Whether arrays of this type can be read.
    #[must_use]
    pub fn takes(data_type: &DataType) -> bool {
        matches!(
            data_type,
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
        )
    }

    /// The pages that are there, each with the row of the table it stands in, counted from 1.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let rows = 0..self.array.len();
        rows.filter_map(|at| Some((self.row(at), self.get(at)?)))
    }

    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        let array = &self.array;
        if at >= array.len() || array.is_null(at) {
            return None;
        }
        Some(match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(at).as_bytes(),
            DataType::LargeUtf8 => array.as_string::<i64>().value(at).as_bytes(),
            DataType::Utf8View => array.as_string_view().value(at).as_bytes(),
            DataType::Binary => array.as_binary::<i32>().value(at),
            DataType::LargeBinary => array.as_binary::<i64>().value(at),
            DataType::BinaryView => array.as_binary_view().value(at),
            _ => return None,
        })
    }

    /// The row of a value in its table, counted from 1.
    pub(super) fn row(&self, at: usize) -> u64 {
        self.before + at as u64 + 1
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("rows", &self.array.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader(_) => "Reader",
            Self::Values(_) => "Values",
            Self::Broken(_) => "Broken",
        })
    }
}

/// A piece of an input that one worker takes.
pub(super) struct Job {
    /// Which input, counted from 0.
    pub(super) input: u64,
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// Whole lines of bulk data.
    Lines(Piece),
    /// A whole page.
    Page(Vec<u8>),
    /// The beginning of a page that is too large to be held, and where its rest comes from.
    Stream(Vec<u8>, Box<dyn Read + Send>),
    Values(Values, Range<usize>),
    Broken(io::Error),
}

/// Bytes of a piece of bulk data, about.
const PIECE: usize = 1 << 20;
/// Bytes up to which a page is held whole, so that several are worked on side by side.
const WHOLE: usize = 8 << 20;

/// Splits inputs into jobs.
pub(super) struct Jobs<I> {
    inputs: I,
    begun: u64,
    now: Option<(Arc<str>, Now)>,
}

enum Now {
    Lines(Lines<Box<dyn Read + Send>>),
    Values(Values, usize),
}

impl<I: Iterator<Item = Input>> Jobs<I> {
    pub(super) fn new(inputs: I) -> Self {
        Self {
            inputs,
            begun: 0,
            now: None,
        }
    }

    fn begin(&mut self, input: Input) -> Option<Kind> {
        self.begun += 1;
        match input.source {
            Source::Broken(error) => return Some(Kind::Broken(error)),
            Source::Values(values) => self.now = Some((input.name, Now::Values(values, 0))),
            Source::Reader(reader) => match Lines::with_piece(reader, PIECE) {
                Err(error) => return Some(Kind::Broken(error)),
                Ok(lines) if lines.is_bulk_data() => self.now = Some((input.name, Now::Lines(lines))),
                Ok(lines) => {
                    let (bytes, rest) = lines.into_parts();
                    return Some(page(bytes, rest));
                }
            },
        }
        None
    }

    /// The next piece of the input at hand.
    fn go_on(&mut self) -> Option<(Arc<str>, Kind)> {
        let (name, now) = self.now.as_mut()?;
        let kind = match now {
            Now::Lines(lines) => match lines.next()? {
                Ok(piece) => Kind::Lines(piece),
                Err(error) => {
                    let name = Arc::clone(name);
                    self.now = None;
                    return Some((name, Kind::Broken(error)));
                }
            },
            Now::Values(values, at) => {
                let start = *at;
                if start >= values.array.len() {
                    return None;
                }
                let mut bytes = 0;
                while bytes < PIECE && *at < values.array.len() {
                    bytes += values.get(*at).map_or(0, <[u8]>::len);
                    *at += 1;
                }
                Kind::Values(values.clone(), start..*at)
            }
        };
        Some((Arc::clone(name), kind))
    }
}

/// A page whole, if it is not too large for it.
fn page(mut bytes: Vec<u8>, mut rest: Box<dyn Read + Send>) -> Kind {
    let wanted = WHOLE.saturating_sub(bytes.len()) as u64;
    match rest.by_ref().take(wanted).read_to_end(&mut bytes) {
        Err(error) => Kind::Broken(error),
        Ok(_) if bytes.len() < WHOLE => Kind::Page(bytes),
        Ok(_) => Kind::Stream(bytes, rest),
    }
}

impl<I: Iterator<Item = Input>> Iterator for Jobs<I> {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        loop {
            if let Some((name, kind)) = self.go_on() {
                return Some(Job {
                    input: self.begun - 1,
                    name,
                    kind,
                });
            }
            self.now = None;
            let input = self.inputs.next()?;
            let name = Arc::clone(&input.name);
            if let Some(kind) = self.begin(input) {
                return Some(Job {
                    input: self.begun - 1,
                    name,
                    kind,
                });
            }
        }
    }
}
