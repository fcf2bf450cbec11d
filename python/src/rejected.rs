use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use fhir_crack::Place;
use fhir_crack::arrow::words;
use fhir_melt::arrow::{Profile, rejected_schema};

use crate::errors::Failure;
use crate::table::Table;

/// What of the inputs views could not be run over, in the form of [`fhir_melt::arrow::rejected_batch`].
#[derive(Default)]
pub(crate) struct Rejected(Vec<Part>);

struct Part {
    input: Arc<str>,
    /// None where only their number is known.
    place: Option<Place>,
    reason: String,
}

impl Rejected {
    /// A fault `behind` so many bytes and line ends of its input.
    pub(crate) fn fault(&mut self, input: &Arc<str>, fault: &fhir_crack::Error, behind: (u64, u64)) {
        let place = fault.place().map(|mut place| {
            place.offset += behind.0;
            place.line += behind.1;
            place
        });
        self.push(input, place, fault.kind().to_string());
    }

    /// Faults of which is known that there are so many.
    pub(crate) fn further(&mut self, input: &Arc<str>, parts: u64) {
        for _ in 0..parts {
            self.push(
                input,
                None,
                "as the one before, further on in a large page".to_owned(),
            );
        }
    }

    /// An input that cannot be opened, or not be read to its end.
    pub(crate) fn broken(&mut self, input: &Arc<str>) {
        self.push(input, None, fhir_crack::ErrorKind::Io.to_string());
    }

    fn push(&mut self, input: &Arc<str>, place: Option<Place>, reason: String) {
        self.0.push(Part {
            input: Arc::clone(input),
            place,
            reason,
        });
    }

    pub(crate) fn table(&self, profile: Profile) -> Result<Table, Failure> {
        let Self(parts) = self;
        let schema = Arc::new(rejected_schema(profile));
        let place = |pick: fn(Place) -> u64| -> ArrayRef {
            let numbers = parts.iter().map(|part| i64::try_from(pick(part.place?)).ok());
            Arc::new(numbers.collect::<Int64Array>())
        };
        let columns = vec![
            words(profile, parts.iter().map(|part| Some(&*part.input))),
            place(|place| place.line),
            place(|place| place.column),
            place(|place| place.offset),
            words(profile, parts.iter().map(|_| None)),
            words(profile, parts.iter().map(|part| Some(part.reason.as_str()))),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        let batch = batch.map_err(|error| Failure::Option(error.to_string()))?;
        let batches = if parts.is_empty() { Vec::new() } else { vec![batch] };
        Ok(Table::new("rejected".to_owned(), schema, batches))
    }
}
