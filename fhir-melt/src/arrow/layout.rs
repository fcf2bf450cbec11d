use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use fhir_crack::arrow::{MOST_BYTES, Pages, Texts, field, schema};
use table_description::{Column, Defect, FhirType, PRECISION_SUFFIX, TableDescription};

use super::cell::Cells;
use super::options::ArrowOptions;
use crate::error::{Error, ErrorKind};
use crate::typed::Source;
use crate::write::{INDEX_PATH, SOURCE_ROW};
use crate::{Melted, TypedBatch};

/// The columns of the record batches of one table or child table: their names, types and where their values come from.
pub struct RowLayout {
    schema: SchemaRef,
    fields: Vec<Shown>,
    options: ArrowOptions,
    /// Column whose text is the resource's key in a child table; `None` within for the number of the row.
    keys: Option<Option<usize>>,
}

/// A field with values of the table.
struct Shown {
    column: usize,
    data_type: DataType,
    /// Whether the next field says how much of the date was given.
    precision: bool,
}

/// The type of a column's typed values.
pub(super) fn data_type(column: &Column, options: &ArrowOptions) -> DataType {
    match column.fhir_type {
        FhirType::String => text_type(options),
        FhirType::Boolean => DataType::Boolean,
        FhirType::Integer => DataType::Int32,
        FhirType::Decimal => match options.decimals.of(&column.name) {
            Some((digits, scale)) => DataType::Decimal128(digits, scale.cast_signed()),
            None => DataType::Float64,
        },
        FhirType::Date => DataType::Date32,
        FhirType::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
        FhirType::Time => options.profile.time(),
    }
}

fn text_type(options: &ArrowOptions) -> DataType {
    if options.dictionaries {
        options.profile.words()
    } else {
        options.profile.text()
    }
}

/// Whether a column has a companion that says how much of a date was given.
pub(super) fn has_precision(column: &Column, options: &ArrowOptions) -> bool {
    options.precision && column.is_dated()
}

/// The field beside a date.
pub(super) fn precision_field(column: &Column, options: &ArrowOptions) -> Field {
    Field::new(
        format!("{}{PRECISION_SUFFIX}", column.name),
        options.profile.words(),
        true,
    )
}

impl RowLayout {
    /// The layout of rows like these, as texts or typed.
    #[must_use]
    pub fn new(melted: &Melted<'_>, typed: bool, options: &ArrowOptions) -> Self {
        let table = melted.table();
        let keys = melted.element().map(|_| table.position_of_path("id"));
        let mut all = match keys {
            None => Vec::new(),
            Some(id) => key_fields(table, id, options),
        };
        let mut fields = Vec::new();
        for (number, column) in table.columns.iter().enumerate() {
            if !melted.shows(number) {
                continue;
            }
            let data_type = if typed {
                data_type(column, options)
            } else {
                text_type(options)
            };
            let precision = typed && has_precision(column, options);
            all.push(field(column, data_type.clone()));
            if precision {
                all.push(precision_field(column, options));
            }
            fields.push(Shown {
                column: number,
                data_type,
                precision,
            });
        }
        Self {
            schema: Arc::new(schema(table, all)),
            fields,
            options: options.clone(),
            keys,
        }
    }

    /// The schema of the record batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows as record batches; more than one only where the texts would be too long for one. Typed values are taken
    /// from `typed`, which was made of the same rows, texts from the rows themselves. `first_source` is the number of
    /// source rows before the batch they come from. Decimals without room in the type asked for become defects.
    ///
    /// # Errors
    /// If Arrow refuses the columns, such as two of the same name.
    pub fn record_batches(
        &self,
        melted: &Melted<'_>,
        typed: Option<&TypedBatch>,
        first_source: u64,
        defects: &mut Vec<Defect>,
    ) -> Result<Vec<RecordBatch>, Error> {
        let pages = match self.options.profile.text() {
            DataType::Utf8View => Pages::of(melted.slots.batch),
            _ => None,
        };
        let mut work = Work {
            layout: self,
            cells: Cells::new(melted, typed),
            pages,
            first_source,
            defects,
        };
        let mut batches = Vec::new();
        work.record(0..melted.rows(), &mut batches).map_err(failed)?;
        Ok(batches)
    }
}

fn key_fields(table: &TableDescription, id: Option<usize>, options: &ArrowOptions) -> Vec<Field> {
    let key = match id.and_then(|id| table.columns.get(id)) {
        Some(column) => field(column, options.profile.text()),
        None => Field::new(SOURCE_ROW, DataType::Int64, true),
    };
    vec![key, Field::new(INDEX_PATH, options.profile.text(), true)]
}

pub(super) fn failed(error: ArrowError) -> Error {
    Error::caused(ErrorKind::Frame, error)
}

struct Work<'w, 'a> {
    layout: &'w RowLayout,
    cells: Cells<'w, 'a>,
    pages: Option<Pages>,
    first_source: u64,
    defects: &'w mut Vec<Defect>,
}

impl Work<'_, '_> {
    fn record(&mut self, rows: Range<usize>, out: &mut Vec<RecordBatch>) -> Result<(), ArrowError> {
        if rows.len() > 1 && self.is_too_long(&rows) {
            let middle = rows.start + rows.len() / 2;
            self.record(rows.start..middle, out)?;
            return self.record(middle..rows.end, out);
        }
        self.cells.begin(rows.clone());
        let mut columns = self.keys(&rows);
        let profile = self.layout.options.profile;
        for shown in &self.layout.fields {
            let column = shown.column;
            columns.push(match &shown.data_type {
                DataType::Utf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                    self.cells
                        .texts(column, &shown.data_type, profile, self.pages.as_ref())?
                }
                DataType::Decimal128(digits, scale) => {
                    self.cells
                        .exact(column, *digits, scale.cast_unsigned(), self.defects)?
                }
                _ => self.cells.values(column),
            });
            if shown.precision {
                columns.push(self.cells.precision(column, profile));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let schema = Arc::clone(&self.layout.schema);
        out.push(RecordBatch::try_new_with_options(schema, columns, &options)?);
        Ok(())
    }

    /// Whether a plain column could pass what its offsets have room for.
    fn is_too_long(&self, rows: &Range<usize>) -> bool {
        let plain = |shown: &&Shown| matches!(shown.data_type, DataType::Utf8 | DataType::Dictionary(..));
        let mut columns = self.layout.fields.iter().filter(plain);
        columns.any(|shown| {
            let longest = self.cells.longest(shown.column, rows.clone());
            longest.saturating_mul(rows.len()) > MOST_BYTES
        })
    }

    /// The columns that say which resource and which repetition a row of a child table is.
    fn keys(&self, rows: &Range<usize>) -> Vec<ArrayRef> {
        let Some(id) = self.layout.keys else {
            return Vec::new();
        };
        let melted = self.cells.melted;
        let profile = self.layout.options.profile;
        let key: ArrayRef = match id {
            Some(_) => {
                let mut ids = Texts::new(profile, rows.len(), self.pages.as_ref());
                rows.clone()
                    .for_each(|row| ids.push(melted.slots.resource_id(id, melted.source_row(row))));
                ids.finish()
            }
            None => {
                let number = |row| self.first_source + melted.source_row(row) as u64 + 1;
                let numbers = rows.clone().map(|row| i64::try_from(number(row)).ok());
                Arc::new(numbers.collect::<Int64Array>())
            }
        };
        let mut paths = Texts::new(profile, rows.len(), None);
        for row in rows.clone() {
            let numbers: Vec<String> = melted.path(row).iter().map(u32::to_string).collect();
            paths.push(Some(&numbers.join(".")));
        }
        vec![key, paths.finish()]
    }
}

impl Melted<'_> {
    /// The rows as record batches of texts, with the columns they show; mostly one batch.
    ///
    /// # Errors
    /// If Arrow refuses the columns.
    pub fn to_record_batches(&self, options: &ArrowOptions) -> Result<Vec<RecordBatch>, Error> {
        RowLayout::new(self, false, options).record_batches(self, None, 0, &mut Vec::new())
    }
}

impl TypedBatch {
    /// The rows as a record batch, calculated columns included: all columns of the table, as [`Melted::typed`] gives them
    /// and [`TypedBatch::set_texts`] left them. Texts are plain, whatever the profile.
    ///
    /// # Errors
    /// If Arrow refuses the columns.
    pub fn to_record_batch(&self, options: &ArrowOptions) -> Result<RecordBatch, Error> {
        let mut options = options.clone();
        options.dictionaries = false;
        // What a decimal was written like is not known here.
        options.decimals = Default::default();
        let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = Default::default();
        for (number, (column, typed)) in self.table.columns.iter().zip(&self.columns).enumerate() {
            let is_text = matches!(typed.source, Source::Row) || matches!(column.fhir_type, FhirType::String);
            let array = if is_text {
                super::cell::typed_texts(self, number)
            } else {
                super::cell::typed_values(self, number, 0..self.rows(), column.fhir_type)
            };
            let array = match (column.fhir_type, options.profile.time()) {
                (FhirType::Time, DataType::Utf8) => super::cell::times_as_text(self, number, 0..self.rows()),
                _ => array,
            };
            fields.push(field(column, array.data_type().clone()));
            columns.push(array);
            if has_precision(column, &options) {
                fields.push(precision_field(column, &options));
                columns.push(super::cell::typed_precision(
                    self,
                    number,
                    0..self.rows(),
                    options.profile,
                ));
            }
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(self.rows()));
        let all: Schema = schema(&self.table, fields);
        RecordBatch::try_new_with_options(Arc::new(all), columns, &rows).map_err(failed)
    }
}

impl fmt::Debug for RowLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowLayout")
            .field("fields", &self.schema.fields().len())
            .finish_non_exhaustive()
    }
}
