use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use table_description::typing::{self, DefectKind, Precision, Value, Zone};
use table_description::{Defect, FhirType, TableDescription};

use crate::Melted;
use crate::slots::Slots;

/// Melted rows with typed values, independent of the batch they came from.
///
/// Values are typed once a repetition and shared by all rows that show it. Rows and columns count from 0.
pub struct TypedBatch {
    pub(crate) table: Arc<TableDescription>,
    /// Slot of every group, row after row.
    pub(crate) rows: Arc<Vec<u32>>,
    pub(crate) width: usize,
    pub(crate) columns: Vec<TypedColumn>,
}

/// Values of one column, one a slot.
pub(crate) struct TypedColumn {
    pub(crate) source: Source,
    pub(crate) values: Values,
}

/// Which value a row shows.
pub(crate) enum Source {
    /// That of the row's slot in this group, slots counted from `base`.
    Slot { group: usize, base: usize },
    /// Its own.
    Row,
}

pub(crate) enum Values {
    /// No row has one: most columns of most batches.
    None,
    Text(Texts),
    Boolean(Vec<Option<bool>>),
    Integer(Vec<Option<i32>>),
    Decimal(Vec<Option<f64>>),
    Date(Vec<Option<(i32, Precision)>>),
    DateTime(Vec<Option<(i64, Precision)>>),
    Time(Vec<Option<i64>>),
}

/// Texts one behind the other, and where each ends; a text may be none.
#[derive(Default)]
pub(crate) struct Texts {
    buffer: String,
    /// Shifted by one bit, which is set where there is no text.
    ends: Vec<usize>,
}

impl Texts {
    fn with_capacity(texts: usize) -> Self {
        Self {
            buffer: String::new(),
            ends: Vec::with_capacity(texts),
        }
    }

    fn push(&mut self, text: Option<&str>) {
        self.buffer.push_str(text.unwrap_or_default());
        self.ends
            .push(self.buffer.len() << 1 | usize::from(text.is_none()));
    }

    pub(crate) fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        (end & 1 == 0).then(|| self.buffer.get(start.copied().unwrap_or_default() >> 1..end >> 1))?
    }

    #[cfg(any(feature = "polars", feature = "arrow"))]
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

impl Melted<'_> {
    /// Types every column as the description says.
    ///
    /// Each repetition is typed once, however many rows show it; a value that cannot be typed leaves its cells empty
    /// and gives one defect. Where a resource's rows were split over chunks ([`crate::Rows::take`]), the first chunk
    /// has its defects. [`Melted::defects`] are among them. Date-times become wall time of `zone`.
    #[must_use]
    pub fn typed(&self, zone: &Zone) -> (TypedBatch, Vec<Defect>) {
        self.typed_columns(zone, true)
    }

    /// The same for whoever takes the texts from the rows themselves: their columns have no values.
    #[cfg(feature = "arrow")]
    pub(crate) fn typed_without_texts(&self, zone: &Zone) -> (TypedBatch, Vec<Defect>) {
        self.typed_columns(zone, false)
    }

    fn typed_columns(&self, zone: &Zone, texts: bool) -> (TypedBatch, Vec<Defect>) {
        let sources = self.source_rows();
        let mut typist = Typist {
            slots: &self.slots,
            ranges: self.slots.ranges(sources.clone()),
            silent: self.continues.then_some(sources.start),
            texts,
            zone,
            defects: self.defects(),
        };
        let columns = (0..self.table().columns.len())
            .map(|column| match self.shown[column] {
                Some(group) => typist.column(column, group),
                None => TypedColumn {
                    source: Source::Row,
                    values: Values::None,
                },
            })
            .collect();
        let batch = TypedBatch {
            table: Arc::clone(self.table()),
            rows: Arc::clone(&self.rows),
            width: self.width(),
            columns,
        };
        (batch, typist.defects)
    }
}

/// Types the slots of some source rows.
struct Typist<'s> {
    slots: &'s Slots<'s>,
    ranges: Vec<Range<usize>>,
    /// A source row whose defects have been reported.
    silent: Option<usize>,
    /// Whether texts are copied.
    texts: bool,
    zone: &'s Zone,
    defects: Vec<Defect>,
}

impl Typist<'_> {
    fn column(&mut self, column: usize, group: usize) -> TypedColumn {
        let range = self.ranges[group].clone();
        let values = match self.slots.table().columns[column].fhir_type {
            _ if self.slots.is_empty(column) => Values::None,
            FhirType::String if self.texts => self.texts(column, range.clone()),
            FhirType::String => Values::None,
            FhirType::Boolean => Values::Boolean(self.values(column, group, |value, _| match value {
                Value::Boolean(value) => Some(value),
                _ => None,
            })),
            FhirType::Integer => Values::Integer(self.values(column, group, |value, _| match value {
                Value::Integer(value) => Some(value),
                _ => None,
            })),
            FhirType::Decimal => Values::Decimal(self.values(column, group, |value, _| match value {
                Value::Decimal(value) => Some(value),
                _ => None,
            })),
            FhirType::Date => Values::Date(self.values(column, group, |value, precision| match value {
                Value::Date(value) => precision.map(|precision| (value, precision)),
                _ => None,
            })),
            FhirType::DateTime => {
                Values::DateTime(self.values(column, group, |value, precision| match value {
                    Value::DateTime(value) => precision.map(|precision| (value, precision)),
                    _ => None,
                }))
            }
            FhirType::Time => Values::Time(self.values(column, group, |value, _| match value {
                Value::Time(value) => Some(value),
                _ => None,
            })),
        };
        TypedColumn {
            source: Source::Slot {
                group,
                base: range.start,
            },
            values,
        }
    }

    fn texts(&self, column: usize, range: Range<usize>) -> Values {
        let mut texts = Texts::with_capacity(range.len());
        range.for_each(|slot| texts.push(self.slots.text(column, slot as u32)));
        Values::Text(texts)
    }

    fn values<T>(
        &mut self,
        column: usize,
        group: usize,
        keep: impl Fn(Value<'_>, Option<Precision>) -> Option<T>,
    ) -> Vec<Option<T>> {
        let fhir_type = self.slots.table().columns[column].fhir_type;
        let range = self.ranges[group].clone();
        let mut values = Vec::with_capacity(range.len());
        for slot in range {
            let Some(text) = self.slots.text(column, slot as u32) else {
                values.push(None);
                continue;
            };
            if self.slots.is_joined(column, slot) {
                self.defect(column, group, slot, DefectKind::SeveralValues);
                values.push(None);
                continue;
            }
            let reading = typing::read(fhir_type, text, self.zone);
            if let Some(kind) = reading.defect {
                self.defect(column, group, slot, kind);
            }
            values.push(reading.value.and_then(|value| keep(value, reading.precision)));
        }
        values
    }

    fn defect(&mut self, column: usize, group: usize, slot: usize, kind: DefectKind) {
        let source = self.slots.source_row(group, slot);
        if self.silent == Some(source) {
            return;
        }
        self.defects.push(self.slots.defect(column, group, slot, kind));
    }
}

impl TypedBatch {
    /// The table the rows belong to.
    #[must_use]
    pub fn table(&self) -> &Arc<TableDescription> {
        &self.table
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len() / self.width
    }

    /// The row of the batch this row comes from, counted from 0.
    #[must_use]
    pub fn source_row(&self, row: usize) -> usize {
        self.rows[row * self.width] as usize
    }

    /// A cell; `None` for NULL.
    #[inline]
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> Option<Value<'_>> {
        let at = self.at(row, column);
        match &self.columns[column].values {
            Values::None => None,
            Values::Text(texts) => texts.get(at).map(Value::Text),
            Values::Boolean(values) => values.get(at).copied().flatten().map(Value::Boolean),
            Values::Integer(values) => values.get(at).copied().flatten().map(Value::Integer),
            Values::Decimal(values) => values.get(at).copied().flatten().map(Value::Decimal),
            Values::Date(values) => values
                .get(at)
                .copied()
                .flatten()
                .map(|(value, _)| Value::Date(value)),
            Values::DateTime(values) => values
                .get(at)
                .copied()
                .flatten()
                .map(|(value, _)| Value::DateTime(value)),
            Values::Time(values) => values.get(at).copied().flatten().map(Value::Time),
        }
    }

    /// How much of a date or date-time was given; `None` for the other types and for NULL.
    #[inline]
    #[must_use]
    pub fn precision(&self, row: usize, column: usize) -> Option<Precision> {
        let at = self.at(row, column);
        match &self.columns[column].values {
            Values::Date(values) => values.get(at).copied().flatten().map(|(_, precision)| precision),
            Values::DateTime(values) => values.get(at).copied().flatten().map(|(_, precision)| precision),
            _ => None,
        }
    }

    /// Keeps the rows that come from wanted rows of the batch, in their order; before columns are replaced by texts.
    pub fn retain_sources(&mut self, wanted: impl Fn(usize) -> bool) {
        let rows = self.rows.chunks_exact(self.width);
        let kept = rows.filter(|row| row.first().is_some_and(|source| wanted(*source as usize)));
        self.rows = Arc::new(kept.flatten().copied().collect());
    }

    /// Replaces a column by texts, one a row; rows beyond the end of `texts` become NULL. For calculated columns.
    pub fn set_texts(&mut self, column: usize, mut texts: Vec<Option<String>>) {
        texts.resize(self.rows(), None);
        let mut values = Texts::with_capacity(texts.len());
        texts.iter().for_each(|text| values.push(text.as_deref()));
        self.columns[column] = TypedColumn {
            source: Source::Row,
            values: Values::Text(values),
        };
    }

    /// Position of a row's value in the column; beyond its end for a gap.
    #[inline]
    fn at(&self, row: usize, column: usize) -> usize {
        match self.columns[column].source {
            Source::Row => row,
            Source::Slot { group, base } => (self.rows[row * self.width + group] as usize).wrapping_sub(base),
        }
    }
}

impl fmt::Debug for TypedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedBatch")
            .field("table", &self.table.name)
            .field("rows", &self.rows())
            .finish()
    }
}
