use super::{Item, Token};
use crate::error::Limit;
use crate::index_path::IndexPath;
use crate::limits::Limits;
use crate::plan::Node;
use crate::repair::Repaired;
use crate::rows::Rows;
use crate::store::Store;

/// Takes what a walk meets: columns take values, outlines elements as well. What columns do not want is empty and costs
/// nothing.
pub(crate) trait Record {
    /// Whether elements are recorded.
    const OUTLINES: bool;

    /// Room for a value while it is unescaped.
    fn scratch(&mut self) -> &mut String;

    /// How many values or elements the resource has so far.
    fn pushed(&self) -> usize;

    /// Takes a value that stands in the page at `start`.
    fn walked(&mut self, element: &Node, path: &IndexPath, start: u32, text: &[u8], token: Token);

    /// Takes a value that does not stand in the page as it is.
    fn unescaped(
        &mut self,
        element: &Node,
        path: &IndexPath,
        text: &str,
        limits: &Limits,
    ) -> Result<(), Limit>;

    /// The value taken next is read otherwise than it stands in the page.
    fn repaired(&mut self, _element: &Node, _what: Repaired) {}

    /// An element begins; `beside` if it is the `_name` of a primitive. What is handed back goes to [`Record::leave`].
    #[inline(always)]
    fn enter(&mut self, _element: &Node, _path: &IndexPath, _beside: bool) -> u32 {
        0
    }

    /// The element ends.
    #[inline(always)]
    fn leave(&mut self, _entered: u32) {}

    /// The element entered last holds a resource of this type.
    #[inline(always)]
    fn holds(&mut self, _start: u32, _len: u32) {}
}

impl Record for Rows {
    const OUTLINES: bool = false;

    #[inline(always)]
    fn scratch(&mut self) -> &mut String {
        &mut self.scratch
    }

    #[inline(always)]
    fn pushed(&self) -> usize {
        Self::pushed(self)
    }

    fn repaired(&mut self, element: &Node, what: Repaired) {
        self.mark_repaired(&element.sinks, what);
    }

    #[inline(always)]
    fn walked(&mut self, element: &Node, path: &IndexPath, start: u32, text: &[u8], _token: Token) {
        self.push_walked(element, path, start, text);
    }

    fn unescaped(
        &mut self,
        element: &Node,
        path: &IndexPath,
        text: &str,
        limits: &Limits,
    ) -> Result<(), Limit> {
        self.push_unescaped(element, path, text, limits)
    }
}

/// Records the elements of one resource.
pub(crate) struct Recorder<'r> {
    pub(super) items: &'r mut Vec<Item>,
    /// Where the resource's items begin.
    pub(super) first: usize,
    pub(super) store: &'r mut Store,
    scratch: &'r mut String,
    /// Whether values are attributes of the element entered last.
    attributes: bool,
    entered: u32,
}

impl<'r> Recorder<'r> {
    /// Begins with the resource itself.
    pub(crate) fn new(
        items: &'r mut Vec<Item>,
        first: usize,
        store: &'r mut Store,
        scratch: &'r mut String,
        attributes: bool,
    ) -> Self {
        let mut recorder = Self {
            items,
            first,
            store,
            scratch,
            attributes,
            entered: 0,
        };
        recorder.begin(0, 1, false);
        recorder
    }

    /// Ends the resource itself.
    pub(crate) fn finish(mut self) {
        self.leave(0);
    }

    pub(super) fn begin(&mut self, symbol: u16, position: u32, beside: bool) -> u32 {
        let at = (self.items.len() - self.first) as u32;
        self.items.push(Item {
            end: at + 1,
            start: 0,
            len: Item::NONE,
            position,
            symbol,
            token: Token::Text,
            beside,
        });
        self.entered = at;
        at
    }

    fn entered(&mut self) -> Option<&mut Item> {
        self.items.get_mut(self.first + self.entered as usize)
    }

    #[inline(always)]
    fn value(&mut self, element: &Node, path: &IndexPath, start: u32, len: u32, token: Token) {
        let symbol = element.symbol;
        if self.attributes
            && let Some(item) = self.entered()
            && item.symbol == symbol
            && item.len == Item::NONE
        {
            (item.start, item.len) = (start, len);
            return;
        }
        let at = (self.items.len() - self.first) as u32;
        self.items.push(Item {
            end: at + 1,
            start,
            len,
            position: path.last(element.depth),
            symbol,
            token,
            beside: false,
        });
    }

    pub(super) fn keep(&mut self, text: &str) -> Result<u32, Limit> {
        let start = self.store.keep(text);
        if self.store.arena.len() > Limits::CHUNK_BYTES {
            return Err(Limit::PageBytes);
        }
        Ok(start)
    }
}

impl Record for Recorder<'_> {
    const OUTLINES: bool = true;

    fn scratch(&mut self) -> &mut String {
        self.scratch
    }

    #[inline(always)]
    fn pushed(&self) -> usize {
        self.items.len() - self.first
    }

    #[inline(always)]
    fn walked(&mut self, element: &Node, path: &IndexPath, start: u32, text: &[u8], token: Token) {
        self.value(element, path, start, text.len() as u32, token);
    }

    fn unescaped(
        &mut self,
        element: &Node,
        path: &IndexPath,
        text: &str,
        limits: &Limits,
    ) -> Result<(), Limit> {
        if self.pushed() >= limits.entries as usize {
            return Err(Limit::Entries);
        }
        let start = self.keep(text)?;
        let token = if self.attributes {
            Token::Text
        } else {
            Token::String
        };
        self.value(element, path, start, text.len() as u32, token);
        Ok(())
    }

    #[inline(always)]
    fn enter(&mut self, element: &Node, path: &IndexPath, beside: bool) -> u32 {
        self.begin(element.symbol, path.last(element.depth), beside)
    }

    #[inline(always)]
    fn leave(&mut self, entered: u32) {
        let end = (self.items.len() - self.first) as u32;
        if let Some(item) = self.items.get_mut(self.first + entered as usize) {
            item.end = end;
        }
    }

    fn holds(&mut self, start: u32, len: u32) {
        if let Some(item) = self.entered() {
            (item.start, item.len) = (start, len);
        }
    }
}
