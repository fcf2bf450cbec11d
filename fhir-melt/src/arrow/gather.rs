use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use arrow_select::concat::concat_batches;

use super::event::Event;
use super::layout::failed;
use crate::error::Error;

/// Joins small record batches of an output before they are handed on, since whoever takes them pays for each.
pub(super) struct Gather {
    outputs: Vec<Gathered>,
    /// Rows of a batch, at most.
    most: usize,
}

struct Gathered {
    schema: SchemaRef,
    /// Whether batches are joined; those with dictionaries are not, of which each has its own.
    joins: bool,
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

/// Bytes of the batches held for an output, about.
const BYTES: usize = 8 << 20;

impl Gather {
    pub(super) fn new(outputs: &[(String, SchemaRef)], most: usize) -> Self {
        let gathered = |schema: &SchemaRef| Gathered {
            joins: !schema
                .fields()
                .iter()
                .any(|field| is_dictionary(field.data_type())),
            schema: SchemaRef::clone(schema),
            batches: Vec::new(),
            rows: 0,
            bytes: 0,
        };
        Self {
            outputs: outputs.iter().map(|(_, schema)| gathered(schema)).collect(),
            most,
        }
    }

    /// Takes what comes next. Rows are held back, but not behind what ends an input.
    pub(super) fn take<E: From<Error>>(
        &mut self,
        event: Event,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        match event {
            Event::Rows(number, batch) => match self.outputs.get_mut(number) {
                Some(output) if output.joins => output.take(number, batch, self.most, each),
                _ => each(Event::Rows(number, batch)),
            },
            Event::Unread(_) | Event::Broken(..) => {
                self.end(each)?;
                each(event)
            }
            Event::Defects(_) | Event::Read(_) => each(event),
        }
    }

    /// Hands on all that is held.
    pub(super) fn end<E: From<Error>>(
        &mut self,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut outputs = self.outputs.iter_mut().enumerate();
        outputs.try_for_each(|(number, output)| output.hand_on(number, each))
    }
}

impl Gathered {
    fn take<E: From<Error>>(
        &mut self,
        number: usize,
        batch: RecordBatch,
        most: usize,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let (rows, bytes) = (batch.num_rows(), batch.get_array_memory_size());
        if self.rows + rows > most || self.bytes + bytes > BYTES {
            self.hand_on(number, each)?;
        }
        self.batches.push(batch);
        self.rows += rows;
        self.bytes += bytes;
        if self.rows >= most || self.bytes > BYTES {
            self.hand_on(number, each)?;
        }
        Ok(())
    }

    fn hand_on<E: From<Error>>(
        &mut self,
        number: usize,
        each: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut batches = std::mem::take(&mut self.batches);
        (self.rows, self.bytes) = (0, 0);
        let batch = match batches.len() {
            0 => return Ok(()),
            1 => batches.pop(),
            _ => Some(concat_batches(&self.schema, &batches).map_err(failed)?),
        };
        batch.map_or(Ok(()), |batch| each(Event::Rows(number, batch)))
    }
}

fn is_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::List(field) | DataType::LargeList(field) => is_dictionary(field.data_type()),
        _ => false,
    }
}
