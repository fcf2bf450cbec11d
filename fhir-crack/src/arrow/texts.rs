use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{StringBuilder, StringViewBuilder};
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::DataType;

use super::pages::INLINE;
use super::{Pages, Profile};

/// Bytes of text that one plain array may have, so that its offsets have room in 32 bits. Whoever makes batches cuts them
/// before.
pub const MOST_BYTES: usize = 1 << 30;

/// Gathers the texts of one column in the layout of a profile.
pub struct Texts<'p> {
    layout: Layout,
    pages: Option<&'p Pages>,
    /// The block of the view builder each buffer of the pages is; given when first needed, so that a column of short texts
    /// keeps no page.
    blocks: [Option<u32>; 2],
}

enum Layout {
    Plain(StringBuilder),
    View(StringViewBuilder),
}

impl<'p> Texts<'p> {
    /// A column of at most `rows` texts. Those that stand in the pages are views of it where the profile takes views.
    #[must_use]
    pub fn new(profile: Profile, rows: usize, pages: Option<&'p Pages>) -> Self {
        let layout = match profile.text() {
            DataType::Utf8View => Layout::View(StringViewBuilder::with_capacity(rows)),
            _ => Layout::Plain(StringBuilder::with_capacity(rows, rows * 8)),
        };
        Self {
            layout,
            pages,
            blocks: [None; 2],
        }
    }

    /// Adds a text, or NULL.
    pub fn push(&mut self, text: Option<&str>) {
        match &mut self.layout {
            Layout::Plain(plain) => plain.append_option(text),
            Layout::View(views) => {
                let Some(text) = text else {
                    return views.append_null();
                };
                if text.len() > INLINE
                    && let Some(pages) = self.pages
                    && let Some((number, at)) = pages.locate(text)
                    && let Some(block) = block(&mut self.blocks, number, pages, views)
                    && views.try_append_view(block, at, text.len() as u32).is_ok()
                {
                    return;
                }
                views.append_value(text);
            }
        }
    }

    /// The column.
    #[must_use]
    pub fn finish(self) -> ArrayRef {
        match self.layout {
            Layout::Plain(mut plain) => Arc::new(plain.finish()),
            Layout::View(mut views) => Arc::new(views.finish()),
        }
    }
}

fn block(
    blocks: &mut [Option<u32>; 2],
    number: usize,
    pages: &Pages,
    views: &mut StringViewBuilder,
) -> Option<u32> {
    let place = blocks.get_mut(number)?;
    if place.is_none() {
        *place = Some(views.append_block(pages.buffer(number)?.clone()));
    }
    *place
}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

/// A column of few different words, a dictionary where the profile takes one ([`Profile::words`]).
#[must_use]
pub fn words<'w>(profile: Profile, words: impl Iterator<Item = Option<&'w str>>) -> ArrayRef {
    if !profile.takes_dictionaries() {
        return Arc::new(StringArray::from_iter(words));
    }
    let mut known: HashMap<&str, i32> = HashMap::new();
    let mut values = Vec::new();
    let keys: Int32Array = words
        .map(|word| {
            let word = word?;
            Some(*known.entry(word).or_insert_with(|| {
                values.push(word);
                values.len() as i32 - 1
            }))
        })
        .collect();
    let values = Arc::new(StringArray::from(values));
    match DictionaryArray::try_new(keys, values) {
        Ok(array) => Arc::new(array),
        // The keys were counted above.
        Err(_) => Arc::new(StringArray::new_null(0)),
    }
}
