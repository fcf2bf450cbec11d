use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int32Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, ListArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field, SchemaRef};
use fhir_crack::arrow::{Pages, Profile, Texts, field, schema, words};
use fhir_crack::{Batch, Entry};
use table_description::typing::{DefectKind, Precision, Value, Zone, read, write_sql};
use table_description::{Defect, FhirType, TableDescription};

use super::cell::word;
use super::decimal::scaled;
use super::layout::{data_type, failed, has_precision, precision_field};
use super::options::ArrowOptions;
use crate::Repeats;
use crate::error::Error;

/// Columns of rows one a resource, lists where an element may repeat by FHIR R4.
pub(super) struct ListLayout {
    schema: SchemaRef,
    zone: Zone,
    /// Whether a column is a list.
    lists: Vec<bool>,
}

/// What the entries of a column read as.
#[derive(Default)]
struct Readings<'b> {
    values: Vec<Option<Value<'b>>>,
    exact: Vec<Option<i128>>,
    precisions: Vec<Option<Precision>>,
}

/// Microseconds of a day; the time 24:00:00, which Arrow has no value for.
const DAY: i64 = 86_400_000_000;

impl ListLayout {
    pub(super) fn new(table: &TableDescription, zone: &Zone, options: &ArrowOptions) -> Self {
        let repeats = Repeats::r4(table);
        let lists: Vec<bool> = (0..table.columns.len())
            .map(|column| repeats.column(column))
            .collect();
        let options = plain(options);
        let mut fields = Vec::new();
        for (column, &list) in table.columns.iter().zip(&lists) {
            let wrap = |one: DataType| match list {
                true => DataType::List(Arc::new(Field::new_list_field(one, true))),
                false => one,
            };
            fields.push(field(column, wrap(data_type(column, &options))));
            if has_precision(column, &options) {
                let beside = precision_field(column, &options);
                fields.push(Field::new(beside.name(), wrap(beside.data_type().clone()), true));
            }
        }
        Self {
            schema: Arc::new(schema(table, fields)),
            zone: zone.clone(),
            lists,
        }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn record_batch(
        &self,
        batch: &Batch,
        options: &ArrowOptions,
        defects: &mut Vec<Defect>,
    ) -> Result<RecordBatch, Error> {
        let options = plain(options);
        let pages = match options.profile.text() {
            DataType::Utf8View => Pages::of(batch),
            _ => None,
        };
        let mut columns = Vec::new();
        for (number, column) in batch.table().columns.iter().enumerate() {
            let list = self.lists.get(number).copied().unwrap_or_default();
            let (readings, ends) = self.readings(batch, number, list, &options, defects);
            let one = data_type(column, &options);
            let values = readings.array(&one, options.profile, pages.as_ref());
            columns.push(wrap(values.map_err(failed)?, list, &ends).map_err(failed)?);
            if has_precision(column, &options) {
                let given = readings.precisions.iter().map(|given| given.map(word));
                let given = words(options.profile, given);
                columns.push(wrap(given, list, &ends).map_err(failed)?);
            }
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &rows).map_err(failed)
    }

    /// Types the entries of a column; in a list each is a value, else each row has one. The ends of the rows' values.
    fn readings<'b>(
        &self,
        batch: &'b Batch,
        column: usize,
        list: bool,
        options: &ArrowOptions,
        defects: &mut Vec<Defect>,
    ) -> (Readings<'b>, Vec<i32>) {
        let described = &batch.table().columns[column];
        let exact = match described.fhir_type {
            FhirType::Decimal => options.decimals.of(&described.name),
            _ => None,
        };
        let mut readings = Readings::default();
        let mut ends = vec![0; usize::from(list)];
        let mut cursor = batch.cursor();
        let mut row = 0;
        while cursor.advance() {
            let mut entries = cursor.cell(column);
            let several = !list && entries.len() > 1;
            if several {
                defects.push(defect(batch, row, column, &[], DefectKind::SeveralValues));
            }
            if !list {
                let one = entries
                    .next()
                    .filter(|_| !several || described.fhir_type == FhirType::String);
                match one {
                    Some(entry) => self.read(batch, row, column, entry, exact, &mut readings, defects),
                    None => readings.push(None, None, None),
                }
            } else {
                for entry in entries {
                    self.read(batch, row, column, entry, exact, &mut readings, defects);
                }
                ends.push(readings.values.len() as i32);
            }
            row += 1;
        }
        (readings, ends)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one entry with where it stands and where it goes"
    )]
    fn read<'b>(
        &self,
        batch: &'b Batch,
        row: usize,
        column: usize,
        entry: Entry<'b>,
        exact: Option<(u8, u8)>,
        readings: &mut Readings<'b>,
        defects: &mut Vec<Defect>,
    ) {
        let fhir_type = batch.table().columns[column].fhir_type;
        let reading = read(fhir_type, entry.text, &self.zone);
        let mut kind = reading.defect;
        let number = exact
            .filter(|_| reading.value.is_some())
            .and_then(|(digits, scale)| scaled(entry.text, digits, scale));
        if exact.is_some() && reading.value.is_some() && number.is_none() {
            kind = Some(DefectKind::OutOfRange);
        }
        if let Some(kind) = kind {
            defects.push(defect(batch, row, column, entry.index, kind));
        }
        readings.push(reading.value, number, reading.precision);
    }
}

impl<'b> Readings<'b> {
    fn push(&mut self, value: Option<Value<'b>>, exact: Option<i128>, precision: Option<Precision>) {
        self.values.push(value);
        self.exact.push(exact);
        self.precisions.push(precision);
    }

    fn array(
        &self,
        data_type: &DataType,
        profile: Profile,
        pages: Option<&Pages>,
    ) -> Result<ArrayRef, ArrowError> {
        let values = self.values.iter();
        Ok(match data_type {
            DataType::Boolean => Arc::new(
                values
                    .map(|value| match value {
                        Some(Value::Boolean(value)) => Some(*value),
                        _ => None,
                    })
                    .collect::<BooleanArray>(),
            ),
            DataType::Int32 => Arc::new(
                values
                    .map(|value| match value {
                        Some(Value::Integer(value)) => Some(*value),
                        _ => None,
                    })
                    .collect::<PrimitiveArray<Int32Type>>(),
            ),
            DataType::Float64 => Arc::new(
                values
                    .map(|value| match value {
                        Some(Value::Decimal(value)) => Some(*value),
                        _ => None,
                    })
                    .collect::<PrimitiveArray<Float64Type>>(),
            ),
            DataType::Decimal128(digits, scale) => {
                let numbers: PrimitiveArray<Decimal128Type> = self.exact.iter().copied().collect();
                Arc::new(numbers.with_precision_and_scale(*digits, *scale)?)
            }
            DataType::Date32 => Arc::new(
                values
                    .map(|value| match value {
                        Some(Value::Date(value)) => Some(*value),
                        _ => None,
                    })
                    .collect::<PrimitiveArray<Date32Type>>(),
            ),
            DataType::Timestamp(..) => Arc::new(
                values
                    .map(|value| match value {
                        Some(Value::DateTime(value)) => Some(*value),
                        _ => None,
                    })
                    .collect::<PrimitiveArray<TimestampMicrosecondType>>(),
            ),
            DataType::Time64(_) => Arc::new(
                values
                    .map(|value| match value {
                        Some(Value::Time(value)) => Some(*value).filter(|&micros| micros < DAY),
                        _ => None,
                    })
                    .collect::<PrimitiveArray<Time64MicrosecondType>>(),
            ),
            _ => {
                let mut texts = Texts::new(profile, self.values.len(), pages);
                let mut written = Vec::new();
                for value in &self.values {
                    match value {
                        Some(Value::Text(text)) => texts.push(Some(text)),
                        Some(value) => {
                            written.clear();
                            write_sql(value, &mut written);
                            texts.push(std::str::from_utf8(&written).ok());
                        }
                        None => texts.push(None),
                    }
                }
                texts.finish()
            }
        })
    }
}

/// Values as they are, or as lists that end at these positions.
fn wrap(values: ArrayRef, list: bool, ends: &[i32]) -> Result<ArrayRef, ArrowError> {
    if !list {
        return Ok(values);
    }
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::new(ends.to_vec().into());
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}

/// Dictionaries stay with rows that repeat.
fn plain(options: &ArrowOptions) -> ArrowOptions {
    ArrowOptions {
        dictionaries: false,
        ..options.clone()
    }
}

fn defect(batch: &Batch, row: usize, column: usize, index: &[u32], kind: DefectKind) -> Defect {
    let table = batch.table();
    let id = table.position_of_path("id");
    let resource_id = id.and_then(|id| Some(batch.cell(row, id).next()?.text.into()));
    Defect {
        table: Arc::clone(table),
        resource_id,
        column,
        index: index.into(),
        kind,
    }
}
