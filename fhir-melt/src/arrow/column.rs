use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, PrimitiveArray, StringArray, UInt32Array};
use arrow_schema::{ArrowError, DataType};
use fhir_crack::arrow::{Pages, Profile, Texts};

/// Which value of a column each row shows.
pub(super) struct Index {
    /// Position among the values; beyond their end for a gap.
    at: Vec<u32>,
    /// Whether row n shows value n, all of them.
    plain: bool,
}

impl Index {
    /// Rows that show a slot each, the values being those of a range of slots.
    pub(super) fn of_slots(slots: impl Iterator<Item = u32>, range: &Range<usize>) -> Self {
        let at: Vec<u32> = slots
            .map(|slot| {
                let at = (slot as usize).wrapping_sub(range.start);
                if at < range.len() { at as u32 } else { u32::MAX }
            })
            .collect();
        let plain = at.len() == range.len() && at.iter().enumerate().all(|(row, &at)| row == at as usize);
        Self { at, plain }
    }

    /// Rows that show values of their own.
    pub(super) fn of_rows(rows: Range<usize>) -> Self {
        Self {
            at: rows.map(|row| row as u32).collect(),
            plain: false,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.at.len()
    }

    /// Gathers values one a row.
    pub(super) fn primitive<T: ArrowPrimitiveType, V>(
        &self,
        values: &[Option<V>],
        native: impl Fn(&V) -> Option<T::Native>,
    ) -> PrimitiveArray<T> {
        let value = |&at: &u32| native(values.get(at as usize)?.as_ref()?);
        self.at.iter().map(value).collect()
    }

    /// Gathers anything one a row.
    pub(super) fn each<V>(&self, value: impl Fn(usize) -> Option<V>) -> impl Iterator<Item = Option<V>> {
        self.at.iter().map(move |&at| value(at as usize))
    }

    /// Gathers texts one a row; `text` gives those of the `count` values.
    pub(super) fn texts<'t>(
        &self,
        data_type: &DataType,
        profile: Profile,
        count: usize,
        text: impl Fn(usize) -> Option<&'t str>,
        pages: Option<&Pages>,
    ) -> Result<ArrayRef, ArrowError> {
        match data_type {
            DataType::Dictionary(..) => self.dictionary(count, text),
            DataType::Utf8View => {
                let mut texts = Texts::new(profile, count, pages);
                (0..count).for_each(|at| texts.push(text(at)));
                let texts = texts.finish();
                if self.plain {
                    return Ok(texts);
                }
                let places: UInt32Array = self
                    .at
                    .iter()
                    .map(|&at| Some(at).filter(|&at| (at as usize) < texts.len()))
                    .collect();
                arrow_select::take::take(&texts, &places, None)
            }
            _ => {
                let mut texts = StringBuilder::with_capacity(self.rows(), self.rows() * 8);
                self.at
                    .iter()
                    .for_each(|&at| texts.append_option(text(at as usize)));
                Ok(Arc::new(texts.finish()))
            }
        }
    }

    fn dictionary<'t>(
        &self,
        count: usize,
        text: impl Fn(usize) -> Option<&'t str>,
    ) -> Result<ArrayRef, ArrowError> {
        let mut known: HashMap<&str, i32> = HashMap::new();
        let mut words = Vec::new();
        let keys: Vec<Option<i32>> = (0..count)
            .map(|at| {
                let text = text(at)?;
                Some(*known.entry(text).or_insert_with(|| {
                    words.push(text);
                    words.len() as i32 - 1
                }))
            })
            .collect();
        let keys: Int32Array = self.primitive(&keys, |&key| Some(key));
        let array = DictionaryArray::try_new(keys, Arc::new(StringArray::from(words)))?;
        Ok(Arc::new(array))
    }
}
