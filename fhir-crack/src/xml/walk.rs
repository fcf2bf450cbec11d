use super::scan::{Next, Scan};
use super::unescape::unescape;
use crate::block;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::index_path::IndexPath;
use crate::keys::{Keys, Learned, Target};
use crate::limits::Limits;
use crate::outline::{Record, Token};
use crate::plan::{Node, Plan};

/// Walks a resource along the plan and pushes the values met. Recursion follows the plan's paths, never the input.
///
/// Knows the shape FHIR's XML has: elements without prefix, attributes in double quotes without blanks round `=`. Anything
/// else is [`Halt::Unusual`], and the unit is read again by the tree reader.
pub(crate) struct Walk<'a, 'w, R> {
    pub(crate) scan: Scan<'a>,
    pub(crate) plan: &'w Plan,
    pub(crate) rows: &'w mut R,
    pub(crate) learned: &'w mut Learned,
    pub(crate) limits: &'w Limits,
    pub(crate) index: IndexPath,
}

/// The declaration of FHIR's namespace; an element of any other is none of FHIR's.
const FHIR: &[u8] = b"xmlns=\"http://hl7.org/fhir\"";

impl<'w, R: Record> Walk<'_, 'w, R> {
    /// Walks the children of an element, its start tag taken, up to and with its end tag. `depth` elements are open
    /// with it.
    pub(crate) fn content(&mut self, node: u32, name: &[u8], depth: u32) -> Result<(), Halt> {
        let plan = self.plan;
        let mut keys = self.learned.take(node, || Keys::xml(plan, node));
        let walked = self.children(&mut keys, name, depth);
        self.learned.put(node, keys);
        walked
    }

    fn children(&mut self, keys: &mut Keys, name: &[u8], depth: u32) -> Result<(), Halt> {
        self.learned.parents += 1;
        let parent = self.learned.parents;
        let mut last = 0;
        loop {
            if self.next()? == Next::End {
                return self.end_of(name);
            }
            match self.key(keys, parent, &mut last)? {
                Some((child, repetition)) => self.element(child, repetition, depth)?,
                None => self.skip(depth)?,
            }
        }
    }

    /// Passes over blanks to the next tag.
    #[inline]
    fn next(&mut self) -> Result<Next, Halt> {
        let bytes = self.scan.bytes;
        let mut at = self.scan.pos;
        while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            at += 1;
        }
        self.scan.pos = at;
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'<'), Some(b'/')) => Ok(Next::End),
            (Some(b'<'), Some(b'!' | b'?')) => Err(Halt::Unusual),
            (Some(b'<'), Some(_)) => Ok(Next::Start),
            (None, _) | (Some(b'<'), None) => Err(Halt::More),
            (Some(_), _) => self.scan.next(),
        }
    }

    fn end_of(&mut self, name: &[u8]) -> Result<(), Halt> {
        let rest = self.scan.bytes.get(self.scan.pos + 2..).unwrap_or_default();
        if rest.starts_with(name) && rest.get(name.len()) == Some(&b'>') {
            self.scan.pos += name.len() + 3;
            return Ok(());
        }
        if name.starts_with(rest) {
            return Err(Halt::More);
        }
        Err(Halt::Unusual)
    }

    /// Takes `<name` and finds what it leads to: an element of the plan and which repetition it is.
    #[inline]
    fn key(&mut self, keys: &mut Keys, parent: u64, last: &mut usize) -> Result<Option<(u32, u32)>, Halt> {
        let start = self.scan.pos;
        let rest = self.scan.rest();
        let slot = match keys.predicted(*last, rest) {
            Some((slot, length)) if matches!(rest.get(length), Some(b' ' | b'>' | b'/')) => {
                self.scan.pos = start + length;
                slot
            }
            _ => {
                let length = name_length(rest)?;
                self.scan.pos = start + length;
                match keys.find(*last, rest.get(..length).unwrap_or_default()) {
                    Some(slot) => slot,
                    None => return Ok(None),
                }
            }
        };
        *last = slot;
        let Some(key) = keys.key(slot) else {
            return Ok(None);
        };
        let Target::Element(child) = key.target else {
            return Ok(None);
        };
        if key.parent != parent {
            key.parent = parent;
            key.count = 0;
        }
        key.count = key
            .count
            .checked_add(1)
            .ok_or(Halt::limit(Limit::Entries, start))?;
        Ok(Some((child, key.count)))
    }

    /// Passes over an element nobody wants, its `<name` taken.
    fn skip(&mut self, depth: u32) -> Result<(), Halt> {
        let end = self.scan.pos;
        if self.scan.tag_end()? {
            return Ok(());
        }
        let before = self.scan.bytes.get(..end).unwrap_or_default();
        let start = memchr::memrchr(b'<', before).map_or(end, |at| at + 1);
        self.scan
            .skip_content(self.scan.slice(start, end), depth + 1, self.limits.depth)
    }

    /// Walks an element of the plan, its `<name` taken.
    fn element(&mut self, node: u32, repetition: u32, depth: u32) -> Result<(), Halt> {
        let element = self
            .plan
            .node(node)
            .ok_or(Halt::syntax(Expected::Planned, self.scan.pos))?;
        self.index.set(element.depth as usize - 1, repetition);
        if R::OUTLINES && element.holds_resource() {
            return Err(Halt::Unusual);
        }
        if R::OUTLINES && self.rows.pushed() >= self.limits.entries as usize {
            return Err(Halt::limit(Limit::Entries, self.scan.pos));
        }
        let entered = self.rows.enter(element, &self.index, false);
        self.entered(node, element, depth)?;
        self.rows.leave(entered);
        Ok(())
    }

    /// Takes the attributes of an element and what is below it.
    #[inline(always)]
    fn entered(&mut self, node: u32, element: &Node, depth: u32) -> Result<(), Halt> {
        if self.attributes(element)? {
            return Ok(());
        }
        if depth >= self.limits.depth {
            return Err(Halt::limit(Limit::Depth, self.scan.pos));
        }
        if element.children.is_empty() {
            return self
                .scan
                .skip_content(&element.name, depth + 1, self.limits.depth);
        }
        self.content(node, element.name.as_bytes(), depth + 1)
    }

    /// Takes the attributes and the end of a start tag and pushes the values: `true` if the tag ends the element.
    #[inline]
    fn attributes(&mut self, element: &Node) -> Result<bool, Halt> {
        let bytes = self.scan.bytes;
        loop {
            match bytes.get(self.scan.pos) {
                Some(b'>') => {
                    self.scan.pos += 1;
                    return Ok(false);
                }
                Some(b'/') => {
                    return match bytes.get(self.scan.pos + 1) {
                        Some(b'>') => {
                            self.scan.pos += 2;
                            Ok(true)
                        }
                        Some(_) => Err(Halt::Unusual),
                        None => Err(Halt::More),
                    };
                }
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.scan.pos += 1,
                Some(_) => self.attribute(element)?,
                None => return Err(Halt::More),
            }
        }
    }

    #[inline]
    fn attribute(&mut self, element: &Node) -> Result<(), Halt> {
        let rest = self.scan.rest();
        let (name, wanted) = if rest.starts_with(b"value=\"") {
            (b"value".len(), !element.sinks.is_empty())
        } else {
            let length = rest
                .iter()
                .position(|b| !b.is_ascii_alphanumeric() && *b != b':')
                .ok_or(Halt::More)?;
            match (rest.get(length), rest.get(length + 1)) {
                (Some(b'='), Some(b'"')) => {}
                (Some(b'='), None) => return Err(Halt::More),
                _ => return Err(Halt::Unusual),
            }
            if rest.starts_with(b"xmlns=") && !rest.starts_with(FHIR) {
                return Err(Halt::Unusual);
            }
            if rest.starts_with(b"url=") && element.wants_url() {
                return self.url(element, self.scan.pos + length + 2);
            }
            if R::OUTLINES
                && rest.starts_with(b"id=")
                && let Some(id) = self.below(element, "id")
            {
                self.index.set(element.depth as usize, 1);
                return self.value(id, self.scan.pos + length + 2);
            }
            (length, false)
        };
        let start = self.scan.pos + name + 2;
        if wanted {
            return self.value(element, start);
        }
        let value = self.scan.bytes.get(start..).unwrap_or_default();
        let end = start + memchr::memchr(b'"', value).ok_or(Halt::More)?;
        self.scan.pos = end + 1;
        Ok(())
    }

    /// The element of this name below another.
    fn below(&self, element: &Node, name: &str) -> Option<&'w Node> {
        let plan = self.plan;
        let mut below = element.children.iter().filter_map(|&child| plan.node(child));
        below.find(|node| &*node.name == name)
    }

    /// The `url` of an extension stands for the extension itself, and for the member `url` it has in JSON.
    fn url(&mut self, element: &Node, start: usize) -> Result<(), Halt> {
        if !element.sinks.is_empty() {
            self.value(element, start)?;
        }
        if let Some(url) = element.url.and_then(|url| self.plan.node(url)) {
            self.index.set(element.depth as usize, 1);
            self.value(url, start)?;
        }
        Ok(())
    }

    #[inline]
    fn value(&mut self, element: &Node, start: usize) -> Result<(), Halt> {
        let at = find_special(self.scan.bytes, start).ok_or(Halt::More)?;
        if self.rows.pushed() >= self.limits.entries as usize {
            return Err(Halt::limit(Limit::Entries, start));
        }
        if self.scan.bytes.get(at) == Some(&b'"') {
            self.scan.pos = at + 1;
            let text = self.scan.bytes.get(start..at).unwrap_or_default();
            self.rows
                .walked(element, &self.index, start as u32, text, Token::Text);
            return Ok(());
        }
        let rest = self.scan.bytes.get(at..).unwrap_or_default();
        let end = at + memchr::memchr(b'"', rest).ok_or(Halt::More)?;
        let mut text = std::mem::take(self.rows.scratch());
        text.clear();
        let repaired = unescape(self.scan.slice(start, end), start, &mut text)?;
        if let Some(what) = repaired {
            self.rows.repaired(element, what);
        }
        let pushed = self.rows.unescaped(element, &self.index, &text, self.limits);
        *self.rows.scratch() = text;
        self.scan.pos = end + 1;
        pushed.map_err(|limit| Halt::limit(limit, start))
    }
}

/// Bytes of the `<name` a text starts with.
fn name_length(rest: &[u8]) -> Result<usize, Halt> {
    let name = rest.get(1..).unwrap_or_default();
    let length = name
        .iter()
        .position(|b| !b.is_ascii_alphanumeric())
        .ok_or(Halt::More)?;
    match name.get(length) {
        Some(b' ' | b'>' | b'/' | b'\n' | b'\r' | b'\t') if length > 0 => Ok(length + 1),
        _ => Err(Halt::Unusual),
    }
}

/// Position of the closing quote of a value, or before it of what cannot be taken as it stands: a reference, a `<`, a
/// line end, a tab.
#[inline]
fn find_special(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let found = block::special(chunk);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 16;
    }
    let rest = bytes.get(at..)?;
    rest.iter()
        .position(|b| matches!(b, b'"' | b'&' | b'<' | 0..b' '))
        .map(|found| at + found)
}
