use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::{Profile, words};
use crate::{Error, Rejected};

/// A part of an input that could not be read, without its bytes.
pub struct Unread {
    /// Name of the input.
    pub input: Arc<str>,
    /// Type of the resource, as far as it can be told.
    pub resource: Option<&'static str>,
    /// Why, with the place of the fault in the input.
    pub reason: Error,
}

impl Unread {
    /// What of a page of this input was set aside.
    #[must_use]
    pub fn part(input: &Arc<str>, part: Rejected) -> Self {
        Self {
            input: Arc::clone(input),
            resource: part.resource(),
            reason: part.into_reason(),
        }
    }

    /// A page that could not be read to its end.
    #[must_use]
    pub fn page(input: &Arc<str>, reason: Error) -> Self {
        Self {
            input: Arc::clone(input),
            resource: None,
            reason,
        }
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unread")
            .field("resource", &self.resource)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// The schema of [`rejected_batch`].
#[must_use]
pub fn rejected_schema(profile: Profile) -> Schema {
    Schema::new(vec![
        Field::new("input", profile.words(), true),
        Field::new("line", DataType::Int64, true),
        Field::new("column", DataType::Int64, true),
        Field::new("byte", DataType::Int64, true),
        Field::new("resource", profile.words(), true),
        Field::new("reason", profile.words(), true),
    ])
}

/// What could not be read: the name of the input, the place of the fault in it where one is known (line and column counted
/// from 1, byte from 0), the type of the resource as far as it can be told, and why. Their bytes are not in it.
///
/// # Errors
/// If Arrow refuses the columns.
pub fn rejected_batch(profile: Profile, unread: &[Unread]) -> Result<RecordBatch, ArrowError> {
    let place = |pick: fn(crate::Place) -> u64| -> ArrayRef {
        let numbers = unread
            .iter()
            .map(|part| i64::try_from(pick(part.reason.place()?)).ok());
        Arc::new(numbers.collect::<Int64Array>())
    };
    let reasons: Vec<String> = unread.iter().map(|part| part.reason.kind().to_string()).collect();
    let columns: Vec<ArrayRef> = vec![
        words(profile, unread.iter().map(|part| Some(&*part.input))),
        place(|place| place.line),
        place(|place| place.column),
        place(|place| place.offset),
        words(profile, unread.iter().map(|part| part.resource)),
        words(profile, reasons.iter().map(|reason| Some(reason.as_str()))),
    ];
    RecordBatch::try_new(Arc::new(rejected_schema(profile)), columns)
}
