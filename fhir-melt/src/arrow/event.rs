use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use fhir_crack::arrow::Unread;
use table_description::Defect;

/// What a pass hands on, in the order of the inputs.
pub enum Event {
    /// Rows of an output, by its number ([`super::Pass::outputs`]).
    Rows(usize, RecordBatch),
    /// Values left out or changed.
    Defects(Vec<Defect>),
    /// A part of an input that could not be read; the rest goes on.
    Unread(Unread),
    /// An input could not be read at all, or not to its end.
    Broken(Arc<str>, std::io::Error),
    /// So many bytes of the inputs are done with since the last time.
    Read(u64),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(output, batch) => write!(f, "Rows({output}, {} rows)", batch.num_rows()),
            Self::Defects(defects) => write!(f, "Defects({})", defects.len()),
            Self::Unread(unread) => write!(f, "Unread({unread:?})"),
            Self::Broken(_, error) => write!(f, "Broken({:?})", error.kind()),
            Self::Read(bytes) => write!(f, "Read({bytes})"),
        }
    }
}
