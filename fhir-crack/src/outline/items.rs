use std::fmt;
use std::sync::Arc;

use super::Symbol;
use super::merge::merged;
use crate::error::Limit;
use crate::limits::Limits;
use crate::store::{Span, Store};

/// How a value was written; XML does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Token {
    /// Unknown: an attribute of XML, or no value at all.
    #[default]
    Text,
    /// A JSON string.
    String,
    /// A JSON number.
    Number,
    /// JSON's `true` or `false`.
    Boolean,
}

/// An element met.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    /// Behind the last item below it, counted from the resource's first.
    pub(crate) end: u32,
    /// Position in the page's text or in the arena, as in [`Span`].
    pub(crate) start: u32,
    pub(crate) len: u32,
    /// Which repetition it is, counted from 1.
    pub(crate) position: u32,
    pub(crate) symbol: Symbol,
    pub(crate) token: Token,
    /// Whether it is the `_name` of a primitive.
    pub(crate) beside: bool,
}

impl Item {
    /// The length of no value.
    pub(crate) const NONE: u32 = u32::MAX;
}

/// The elements of one resource that were asked for: the resource itself first, each element followed by what is below it.
#[derive(Clone, Copy)]
pub struct Outline<'a> {
    items: &'a [Item],
    store: &'a Store,
}

impl fmt::Debug for Outline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outline")
            .field("items", &self.items.len())
            .finish()
    }
}

impl<'a> Outline<'a> {
    /// How many items there are, the resource itself among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is not even the resource.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What an item is called; that of the resource is 0.
    #[inline]
    #[must_use]
    pub fn symbol(&self, item: usize) -> Symbol {
        self.items.get(item).map_or(0, |item| item.symbol)
    }

    /// The item behind the last one below this one, counted from 0.
    #[inline]
    #[must_use]
    pub fn end(&self, item: usize) -> usize {
        self.items.get(item).map_or(0, |item| item.end as usize)
    }

    /// The value of an item, if it has one. That of an element that holds a resource is the resource's type.
    #[inline]
    #[must_use]
    pub fn text(&self, item: usize) -> Option<&'a str> {
        let item = self.items.get(item).filter(|item| item.len != Item::NONE)?;
        let store = self.store;
        Some(store.text_of(&Span {
            row: 0,
            start: item.start,
            len: item.len,
            index: 0,
        }))
    }

    /// How the value of an item was written.
    #[inline]
    #[must_use]
    pub fn token(&self, item: usize) -> Token {
        self.items.get(item).map_or(Token::Text, |item| item.token)
    }
}

/// The outlines of the resources of one type in a batch.
#[derive(Clone, Default)]
pub(crate) struct Outlines {
    items: Arc<Vec<Item>>,
    /// Where each resource's items begin and end.
    resources: Vec<(u32, u32)>,
}

impl Outlines {
    pub(crate) fn get<'a>(&'a self, row: usize, store: &'a Store) -> Option<Outline<'a>> {
        let &(start, end) = self.resources.get(row)?;
        let items = self.items.get(start as usize..end as usize)?;
        Some(Outline { items, store })
    }

    /// Keeps only the resources for which `keep` is true.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.resources
            .retain(|_| keep.next().copied().unwrap_or_default());
    }
}

/// The items of all resources while a chunk of a page is walked.
pub(crate) struct Recorded {
    pub(crate) items: Vec<Item>,
    /// How many of them belong to resources that are complete.
    committed: usize,
    /// Where the items of each resource begin and end, by table.
    resources: Vec<Vec<(u32, u32)>>,
}

impl Recorded {
    pub(crate) fn new(tables: usize) -> Self {
        Self {
            items: Vec::new(),
            committed: 0,
            resources: vec![Vec::new(); tables],
        }
    }

    /// Where the items of the resource at hand begin.
    pub(crate) fn committed(&self) -> usize {
        self.committed
    }

    pub(crate) fn rollback(&mut self) {
        self.items.truncate(self.committed);
    }

    /// Completes the resource at hand, which belongs to these tables.
    pub(crate) fn commit(&mut self, tables: &[u32], limits: &Limits) -> Result<(), Limit> {
        if self.items.len() - self.committed > limits.entries as usize {
            return Err(Limit::Entries);
        }
        if self.items.len() == self.committed {
            // An XML resource without content is never walked.
            self.items.push(Item {
                end: 1,
                start: 0,
                len: Item::NONE,
                position: 1,
                symbol: 0,
                token: Token::Text,
                beside: false,
            });
        }
        let resource = self.items.get(self.committed..).unwrap_or_default();
        if resource.iter().any(|item| item.beside) {
            let merged = merged(resource);
            self.items.truncate(self.committed);
            self.items.extend(merged);
        }
        let range = (self.committed as u32, self.items.len() as u32);
        for &table in tables {
            if let Some(resources) = self.resources.get_mut(table as usize) {
                resources.push(range);
            }
        }
        self.committed = self.items.len();
        Ok(())
    }

    /// Hands out the outlines so far, one a table.
    pub(crate) fn take(&mut self) -> Vec<Outlines> {
        let room = self.items.len();
        let items = Arc::new(std::mem::replace(&mut self.items, Vec::with_capacity(room)));
        self.committed = 0;
        let resources = self.resources.iter_mut();
        resources
            .map(|resources| Outlines {
                items: Arc::clone(&items),
                resources: std::mem::take(resources),
            })
            .collect()
    }
}
