use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Float64Type, Int32Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, BooleanArray, Decimal128Array, StringArray};
use arrow_schema::{ArrowError, DataType};
use fhir_crack::arrow::{Pages, Profile, words};
use table_description::typing::{DefectKind, Precision, Value, write_sql};
use table_description::{Defect, FhirType};

use super::column::Index;
use super::decimal::scaled;
use crate::typed::{Source, TypedColumn, Values};
use crate::{Melted, TypedBatch};

/// Microseconds of a day; the time 24:00:00, which Arrow has no value for.
const DAY: i64 = 86_400_000_000;

/// The cells of some rows, column by column.
pub(super) struct Cells<'w, 'a> {
    pub(super) melted: &'w Melted<'a>,
    typed: Option<&'w TypedBatch>,
    rows: Range<usize>,
    /// The slots of each group that belong to the rows.
    ranges: Vec<Range<usize>>,
    /// Which of them each row shows, worked out once a group.
    shown: Vec<Option<Index>>,
}

impl<'w, 'a> Cells<'w, 'a> {
    pub(super) fn new(melted: &'w Melted<'a>, typed: Option<&'w TypedBatch>) -> Self {
        Self {
            melted,
            typed,
            rows: 0..0,
            ranges: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Goes to these rows.
    pub(super) fn begin(&mut self, rows: Range<usize>) {
        self.ranges = self.slots_of(&rows);
        self.shown.clear();
        self.shown.resize_with(self.ranges.len(), || None);
        self.rows = rows;
    }

    fn slots_of(&self, rows: &Range<usize>) -> Vec<Range<usize>> {
        let melted = self.melted;
        let sources = match rows.is_empty() {
            true => 0..0,
            false => melted.source_row(rows.start)..melted.source_row(rows.end - 1) + 1,
        };
        melted.slots.ranges(sources)
    }

    /// Bytes of the longest text of a column in these rows.
    pub(super) fn longest(&self, column: usize, rows: Range<usize>) -> usize {
        let group = self.melted.shown.get(column).copied().flatten();
        let Some(range) = group.and_then(|group| self.slots_of(&rows).get(group).cloned()) else {
            return 0;
        };
        let lengths = range.filter_map(|slot| Some(self.melted.slots.text(column, slot as u32)?.len()));
        lengths.max().unwrap_or_default()
    }

    fn index(&mut self, group: usize) -> (&Index, Range<usize>) {
        let melted = self.melted;
        let range = self.ranges[group].clone();
        let rows = self.rows.clone();
        let index = self.shown[group].get_or_insert_with(|| {
            let slots = melted.rows.iter().skip(group).step_by(melted.width());
            Index::of_slots(slots.skip(rows.start).take(rows.len()).copied(), &range)
        });
        (index, range)
    }

    /// Texts of a column: those of the rows, or what a calculation put there.
    pub(super) fn texts(
        &mut self,
        column: usize,
        data_type: &DataType,
        profile: Profile,
        pages: Option<&Pages>,
    ) -> Result<ArrayRef, ArrowError> {
        let melted = self.melted;
        if let Some(typed) = self.typed {
            let is_time = melted.table().columns[column].fhir_type == FhirType::Time;
            if is_time {
                return Ok(times_as_text(typed, column, self.rows.clone()));
            }
            if let TypedColumn {
                source: Source::Row,
                values: Values::Text(texts),
            } = &typed.columns[column]
            {
                let text = |at: usize| texts.get(at);
                return Index::of_rows(self.rows.clone()).texts(data_type, profile, texts.len(), text, None);
            }
        }
        let Some(group) = melted.shown[column] else {
            return Index::of_rows(self.rows.clone()).texts(data_type, profile, 0, |_| None, None);
        };
        let (index, range) = self.index(group);
        let text = |at: usize| match at < range.len() {
            true => melted.slots.text(column, (range.start + at) as u32),
            false => None,
        };
        index.texts(data_type, profile, range.len(), text, pages)
    }

    /// Typed values of a column.
    pub(super) fn values(&self, column: usize) -> ArrayRef {
        let fhir_type = self.melted.table().columns[column].fhir_type;
        match self.typed {
            Some(typed) => typed_values(typed, column, self.rows.clone(), fhir_type),
            None => Arc::new(StringArray::new_null(self.rows.len())),
        }
    }

    /// Decimals with all their digits. Values without room for them become defects.
    pub(super) fn exact(
        &mut self,
        column: usize,
        digits: u8,
        scale: u8,
        defects: &mut Vec<Defect>,
    ) -> Result<ArrayRef, ArrowError> {
        let melted = self.melted;
        let typed = self.typed.map(|typed| &typed.columns[column]);
        let mut misfits = Vec::new();
        let numbers: Decimal128Array = match (melted.shown[column], typed) {
            (Some(group), Some(typed)) => {
                let (index, range) = self.index(group);
                let numbers: Vec<Option<i128>> = range
                    .map(|slot| {
                        typed.decimal(slot)?;
                        let number = scaled(melted.slots.text(column, slot as u32)?, digits, scale);
                        if number.is_none() {
                            misfits.push((group, slot));
                        }
                        number
                    })
                    .collect();
                index.primitive(&numbers, |&number| Some(number))
            }
            _ => Index::of_rows(self.rows.clone()).primitive(&[] as &[Option<i128>], |&number| Some(number)),
        };
        for (group, slot) in misfits {
            // What was told with the first rows of a resource is not told again.
            let source = melted.slots.source_row(group, slot);
            let told = melted.continues && source == melted.source_row(0)
                || self.rows.start > 0 && source == melted.source_row(self.rows.start - 1);
            if !told {
                defects.push(melted.slots.defect(column, group, slot, DefectKind::OutOfRange));
            }
        }
        let numbers = numbers.with_precision_and_scale(digits, scale.cast_signed())?;
        Ok(Arc::new(numbers))
    }

    /// How much of the dates of a column was given.
    pub(super) fn precision(&self, column: usize, profile: Profile) -> ArrayRef {
        match self.typed {
            Some(typed) => typed_precision(typed, column, self.rows.clone(), profile),
            None => words(profile, self.rows.clone().map(|_| None)),
        }
    }
}

impl TypedColumn {
    /// Which value each of these rows shows.
    fn index(&self, batch: &TypedBatch, rows: Range<usize>, count: usize) -> Index {
        match self.source {
            Source::Row => Index::of_rows(rows),
            Source::Slot { group, base } => {
                let slots = batch.rows.iter().skip(group).step_by(batch.width);
                let slots = slots.skip(rows.start).take(rows.len()).copied();
                Index::of_slots(slots, &(base..base + count))
            }
        }
    }

    fn decimal(&self, slot: usize) -> Option<f64> {
        match (&self.source, &self.values) {
            (Source::Slot { base, .. }, Values::Decimal(values)) => {
                values.get(slot.checked_sub(*base)?).copied().flatten()
            }
            _ => None,
        }
    }
}

/// Values of a column that are no texts. A column without any has NULL of its type.
pub(super) fn typed_values(
    batch: &TypedBatch,
    column: usize,
    rows: Range<usize>,
    fhir_type: FhirType,
) -> ArrayRef {
    let typed = &batch.columns[column];
    match &typed.values {
        Values::Boolean(values) => {
            let index = typed.index(batch, rows, values.len());
            let each = index.each(|at| values.get(at).copied().flatten());
            Arc::new(each.collect::<BooleanArray>())
        }
        Values::Integer(values) => {
            let index = typed.index(batch, rows, values.len());
            Arc::new(index.primitive::<Int32Type, _>(values, |&v| Some(v)))
        }
        Values::Decimal(values) => {
            let index = typed.index(batch, rows, values.len());
            Arc::new(index.primitive::<Float64Type, _>(values, |&v| Some(v)))
        }
        Values::Date(values) => {
            let index = typed.index(batch, rows, values.len());
            Arc::new(index.primitive::<Date32Type, _>(values, |&(days, _)| Some(days)))
        }
        Values::DateTime(values) => {
            let index = typed.index(batch, rows, values.len());
            Arc::new(index.primitive::<TimestampMicrosecondType, _>(values, |&(micros, _)| Some(micros)))
        }
        Values::Time(values) => {
            let index = typed.index(batch, rows, values.len());
            let within = |&micros: &i64| Some(micros).filter(|&micros| micros < DAY);
            Arc::new(index.primitive::<Time64MicrosecondType, _>(values, within))
        }
        Values::None | Values::Text(_) => nulls(fhir_type, rows.len()),
    }
}

fn nulls(fhir_type: FhirType, rows: usize) -> ArrayRef {
    let index = Index::of_rows(0..rows);
    match fhir_type {
        FhirType::Boolean => Arc::new(BooleanArray::new_null(rows)),
        FhirType::Integer => Arc::new(index.primitive::<Int32Type, i32>(&[], |&v| Some(v))),
        FhirType::Decimal => Arc::new(index.primitive::<Float64Type, f64>(&[], |&v| Some(v))),
        FhirType::Date => Arc::new(index.primitive::<Date32Type, i32>(&[], |&v| Some(v))),
        FhirType::DateTime => Arc::new(index.primitive::<TimestampMicrosecondType, i64>(&[], |&v| Some(v))),
        FhirType::Time => Arc::new(index.primitive::<Time64MicrosecondType, i64>(&[], |&v| Some(v))),
        FhirType::String => Arc::new(StringArray::new_null(rows)),
    }
}

/// Texts of a typed column, one a row.
pub(super) fn typed_texts(batch: &TypedBatch, column: usize) -> ArrayRef {
    let texts = (0..batch.rows()).map(|row| match batch.value(row, column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    });
    Arc::new(texts.collect::<StringArray>())
}

/// Times of day as `HH:MM:SS`, with a fraction where there is one.
pub(super) fn times_as_text(batch: &TypedBatch, column: usize, rows: Range<usize>) -> ArrayRef {
    let texts = rows.map(|row| {
        let value = batch.value(row, column)?;
        let mut text = Vec::new();
        write_sql(&value, &mut text);
        String::from_utf8(text).ok()
    });
    Arc::new(texts.collect::<StringArray>())
}

/// How much of the dates of a column was given, in words.
pub(super) fn typed_precision(
    batch: &TypedBatch,
    column: usize,
    rows: Range<usize>,
    profile: Profile,
) -> ArrayRef {
    words(profile, rows.map(|row| batch.precision(row, column).map(word)))
}

/// The word for how much of a date was given.
pub(super) fn word(precision: Precision) -> &'static str {
    match precision {
        Precision::Year => "year",
        Precision::Month => "month",
        Precision::Day => "day",
        Precision::Minute => "minute",
        Precision::Second => "second",
    }
}
