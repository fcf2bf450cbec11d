//! Melted rows as polars DataFrames: texts as views, one per repetition, gathered by the rows' slots.

use std::ops::Range;

use polars::prelude::{
    BooleanChunked, ChunkTake, Column, DataFrame, DataType, Float64Chunked, IdxCa, IdxSize, Int32Chunked,
    Int64Chunked, IntoColumn, IntoSeries, NewChunkedArray, PlSmallStr, Series, StringChunked, TimeUnit,
};
use table_description::{FhirType, PRECISION_SUFFIX};

use crate::error::{Error, ErrorKind};
use crate::typed::{Source, Values};
use crate::{Melted, TypedBatch};

/// Nanoseconds in a microsecond.
const NANOS: i64 = 1_000;
/// Microseconds of a day; the time 24:00:00, which polars has no value for.
const DAY: i64 = 86_400_000_000;

impl Melted<'_> {
    /// The rows as a frame of strings, with the columns they show.
    ///
    /// # Errors
    /// If polars refuses the columns, which it does for a name that occurs twice.
    pub fn to_frame(&self) -> Result<DataFrame, Error> {
        let ranges = self.slots.ranges(self.source_rows());
        let mut rows = Gather::new(self.width());
        let mut columns = Vec::new();
        for (column, description) in self.table().columns.iter().enumerate() {
            let Some(group) = self.shown[column] else { continue };
            let range = ranges[group].clone();
            let texts = self.texts(column, &description.name, range.clone());
            let index = rows.index(&self.rows, group, range);
            columns.push(texts.take(index).map_err(failed)?.into_column());
        }
        DataFrame::new(self.rows(), columns).map_err(failed)
    }
}

/// One column of melted rows in the layout of an Arrow dictionary: which text each row shows, and the texts.
///
/// Source: <https://arrow.apache.org/docs/format/Columnar.html#dictionary-encoded-layout>.
#[derive(Clone, Debug)]
pub struct DictionaryColumn {
    /// The text of each row by its position among `texts`, counted from 0. Columns below one repeated element share them.
    pub keys: IdxCa,
    /// Each repetition once, in the order of the resources; the last one is NULL, which rows without a value show.
    pub texts: StringChunked,
}

impl DictionaryColumn {
    /// The column with a text a row, as [`Melted::to_frame`] has it.
    ///
    /// # Errors
    /// If polars refuses the keys, which it does not for columns of [`Melted::to_dictionaries`].
    pub fn to_texts(&self) -> Result<StringChunked, Error> {
        self.texts.take(&self.keys).map_err(failed)
    }
}

impl Melted<'_> {
    /// The rows as dictionaries, one a column they show: rows of a product repeat keys of four bytes instead of texts.
    #[must_use]
    pub fn to_dictionaries(&self) -> Vec<DictionaryColumn> {
        let ranges = self.slots.ranges(self.source_rows());
        let mut rows = Gather::new(self.width());
        let columns = self.table().columns.iter().zip(&*self.shown).enumerate();
        columns
            .filter_map(|(column, (description, group))| {
                let group = (*group)?;
                let range = ranges[group].clone();
                Some(DictionaryColumn {
                    texts: self.texts(column, &description.name, range.clone()),
                    keys: rows.index(&self.rows, group, range).clone(),
                })
            })
            .collect()
    }

    /// A column's repetitions, and a NULL behind them.
    fn texts(&self, column: usize, column_name: &str, range: Range<usize>) -> StringChunked {
        let texts = range.map(|slot| self.slots.text(column, slot as u32));
        StringChunked::from_iter_options(name(column_name), texts.chain([None]))
    }
}

impl TypedBatch {
    /// The rows as a frame: strings, booleans, 32-bit integers, doubles, dates, date-times in microseconds of wall
    /// time without a zone, and times; the time 24:00:00, which polars has no value for, is NULL. Columns the rows do
    /// not show are left out.
    ///
    /// # Errors
    /// If polars refuses the columns, which it does for a name that occurs twice.
    pub fn to_frame(&self) -> Result<DataFrame, Error> {
        self.frame(false, true)
    }

    /// The same with a column `<column>_precision` behind each column of dates or date-times, which says how much was given:
    /// `year`, `month`, `day`, `minute` or `second`.
    ///
    /// # Errors
    /// As [`TypedBatch::to_frame`].
    pub fn to_frame_with_precision(&self) -> Result<DataFrame, Error> {
        self.frame(true, true)
    }

    /// The same two, but without the columns that no resource of the batch has a value of: those are most columns of most
    /// batches. Frames of several batches differ then in their columns.
    ///
    /// # Errors
    /// As [`TypedBatch::to_frame`].
    pub fn to_frame_of_filled(&self, with_precision: bool) -> Result<DataFrame, Error> {
        self.frame(with_precision, false)
    }

    fn frame(&self, precise: bool, with_empty: bool) -> Result<DataFrame, Error> {
        let mut rows = Gather::new(self.width);
        let mut columns: Vec<Column> = Vec::new();
        for (column, description) in self.columns.iter().zip(&self.table.columns) {
            if matches!(
                (&column.values, &column.source),
                (Values::None, Source::Slot { .. })
            ) && with_empty
            {
                columns.extend(nulls(
                    &description.name,
                    description.fhir_type,
                    self.rows(),
                    precise,
                ));
                continue;
            }
            let behind = precision(&column.values, &description.name).filter(|_| precise);
            for series in series(&column.values, &description.name)
                .into_iter()
                .chain(behind)
            {
                let series = match column.source {
                    // Without the NULL behind the values.
                    Source::Row => series.slice(0, self.rows()),
                    Source::Slot { group, base } => {
                        let index = rows.index(&self.rows, group, base..base + series.len() - 1);
                        series.take(index).map_err(failed)?
                    }
                };
                columns.push(series.into_column());
            }
        }
        DataFrame::new(self.rows(), columns).map_err(failed)
    }
}

/// A column of which no row has a value, and how much of its dates was given where that is wanted.
fn nulls(column: &str, fhir_type: FhirType, rows: usize, precise: bool) -> Vec<Column> {
    let is_date = matches!(fhir_type, FhirType::Date | FhirType::DateTime);
    let series = |name: PlSmallStr, data_type| Series::full_null(name, rows, &data_type).into_column();
    let behind = || series(name(&format!("{column}{PRECISION_SUFFIX}")), DataType::String);
    let data_type = match fhir_type {
        FhirType::String => DataType::String,
        FhirType::Boolean => DataType::Boolean,
        FhirType::Integer => DataType::Int32,
        FhirType::Decimal => DataType::Float64,
        FhirType::Date => DataType::Date,
        FhirType::DateTime => DataType::Datetime(TimeUnit::Microseconds, None),
        FhirType::Time => DataType::Time,
    };
    let nulls = series(name(column), data_type);
    std::iter::once(nulls)
        .chain((precise && is_date).then(behind))
        .collect()
}

/// How much of the dates of a column was given, with a NULL behind them; `None` of other types.
fn precision(values: &Values, column: &str) -> Option<Series> {
    let name = name(&format!("{column}{PRECISION_SUFFIX}"));
    let words: Vec<Option<&str>> = match values {
        Values::Date(values) => values
            .iter()
            .map(|value| value.map(|(_, p)| p.as_str()))
            .collect(),
        Values::DateTime(values) => values
            .iter()
            .map(|value| value.map(|(_, p)| p.as_str()))
            .collect(),
        _ => return None,
    };
    Some(StringChunked::from_iter_options(name, words.into_iter().chain([None])).into_series())
}

/// The values of a column with a NULL behind them, which gaps are gathered from.
fn series(values: &Values, column: &str) -> Option<Series> {
    let name = name(column);
    Some(match values {
        Values::None => return None,
        Values::Text(texts) => {
            let texts = (0..texts.len()).map(|at| texts.get(at)).chain([None]);
            StringChunked::from_iter_options(name, texts).into_series()
        }
        Values::Boolean(values) => {
            BooleanChunked::from_iter_options(name, values.iter().copied().chain([None])).into_series()
        }
        Values::Integer(values) => {
            Int32Chunked::from_iter_options(name, values.iter().copied().chain([None])).into_series()
        }
        Values::Decimal(values) => {
            Float64Chunked::from_iter_options(name, values.iter().copied().chain([None])).into_series()
        }
        Values::Date(values) => {
            let days = values
                .iter()
                .map(|value| value.map(|(days, _)| days))
                .chain([None]);
            Int32Chunked::from_iter_options(name, days)
                .into_series()
                .into_date()
        }
        Values::DateTime(values) => {
            let micros = values
                .iter()
                .map(|value| value.map(|(micros, _)| micros))
                .chain([None]);
            let series = Int64Chunked::from_iter_options(name, micros).into_series();
            series.into_datetime(TimeUnit::Microseconds, None)
        }
        Values::Time(values) => {
            let nanos = values
                .iter()
                .map(|value| value.filter(|&micros| micros < DAY).map(|micros| micros * NANOS));
            Int64Chunked::from_iter_options(name, nanos.chain([None]))
                .into_series()
                .into_time()
        }
    })
}

/// Which slot each row shows, worked out once a group.
struct Gather {
    indices: Vec<Option<IdxCa>>,
}

impl Gather {
    fn new(groups: usize) -> Self {
        Self {
            indices: vec![None; groups],
        }
    }

    /// Positions within the range of slots; gaps are one behind its end.
    fn index(&mut self, rows: &[u32], group: usize, range: Range<usize>) -> &IdxCa {
        let width = self.indices.len();
        self.indices[group].get_or_insert_with(|| {
            let gap = range.len();
            let slots = rows.iter().skip(group).step_by(width);
            let at = slots.map(|&slot| (slot as usize).wrapping_sub(range.start).min(gap) as IdxSize);
            IdxCa::from_vec(PlSmallStr::EMPTY, at.collect())
        })
    }
}

fn name(column: &str) -> PlSmallStr {
    PlSmallStr::from_str(column)
}

pub(crate) fn failed(error: polars::error::PolarsError) -> Error {
    Error::caused(ErrorKind::Frame, error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fhir_crack::BatchBuilder;
    use table_description::typing::Zone;

    use crate::{MeltOptions, melt};

    #[test]
    fn dictionaries_say_what_the_frame_says() {
        let description = table_description::default_description();
        let table = description.table("patient").expect("a table");
        let column = |path: &str| table.position_of_path(path).expect("a column");
        let mut builder = BatchBuilder::new(Arc::clone(table));
        for patient in 1..4_u32 {
            builder.begin_row();
            builder.push(column("id"), &[1], &format!("p{patient}"));
            for name in 1..patient {
                builder.push(column("name/given"), &[name, 1], &format!("given {name}"));
                builder.push(column("name/given"), &[name, 2], "second");
            }
            for number in 1..3 {
                builder.push(
                    column("identifier/value"),
                    &[number, 1],
                    &format!("number {number}"),
                );
            }
        }
        let batch = builder.finish();
        let melted = melt(&batch, &MeltOptions::default());
        let frame = melted.to_frame().expect("a frame");
        let dictionaries = melted.to_dictionaries();
        // Names, whose given names are joined, times two identifiers.
        assert_eq!((frame.height(), dictionaries.len()), (2 + 2 + 4, frame.width()));
        for dictionary in &dictionaries {
            let texts = dictionary.to_texts().expect("texts");
            let expected = frame.column(texts.name()).expect("the column");
            assert!(
                expected.str().expect("texts").iter().eq(texts.iter()),
                "{}",
                texts.name()
            );
        }
        let given = dictionaries
            .iter()
            .find(|d| d.texts.name().ends_with("name_given"));
        let given = given.expect("the column");
        assert_eq!(
            (given.keys.len(), given.texts.len()),
            (8, 3 + 1),
            "each text once, and NULL"
        );
    }

    /// A calculated column has one text a row, and nothing behind them.
    #[test]
    fn a_column_that_was_set_has_as_many_rows_as_the_others() {
        let description = table_description::default_description();
        let table = description.table("condition").expect("a table");
        let id = table.position_of_path("id").expect("a column");
        let calculated = table
            .columns
            .iter()
            .position(|c| c.is_calculated())
            .expect("a column");
        let mut builder = BatchBuilder::new(Arc::clone(table));
        for text in ["a", "b"] {
            builder.begin_row();
            builder.push(id, &[1], text);
        }
        let batch = builder.finish();
        for texts in [
            vec![Some("x".to_owned()), None],
            vec![Some("x".to_owned())],
            Vec::new(),
        ] {
            let first = texts.first().cloned().flatten();
            let (mut typed, _) = melt(&batch, &MeltOptions::default()).typed(&Zone::berlin());
            typed.set_texts(calculated, texts);
            let frame = typed.to_frame().expect("a frame");
            let column = frame.column(&table.columns[calculated].name).expect("is there");
            let texts: Vec<_> = column.str().expect("texts").iter().collect();
            assert_eq!(texts, [first.as_deref(), None]);
        }
    }
}
