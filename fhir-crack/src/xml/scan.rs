use crate::error::Limit;
use crate::halt::{Expected, Halt};

/// Reads XML forward, tag by tag.
#[derive(Clone, Copy)]
pub(crate) struct Scan<'a> {
    pub(crate) text: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) pos: usize,
}

/// A start tag: its name, without prefix, and whether the element ends with it.
#[derive(Clone, Copy)]
pub(crate) struct Tag<'a> {
    pub(crate) name: &'a str,
    pub(crate) prefixed: bool,
    pub(crate) empty: bool,
}

/// What comes next among the children of an element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A start tag; nothing of it is taken.
    Start,
    /// An end tag; nothing of it is taken.
    End,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str, pos: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            pos,
        }
    }

    /// The page's text between two positions.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    /// Passes over text, comments and instructions up to the next tag.
    pub(crate) fn next(&mut self) -> Result<Next, Halt> {
        loop {
            let found = memchr::memchr(b'<', self.rest()).ok_or(Halt::More)?;
            self.pos += found;
            match self.bytes.get(self.pos + 1) {
                None => return Err(Halt::More),
                Some(b'/') => return Ok(Next::End),
                Some(b'!') => self.declaration()?,
                Some(b'?') => self.behind(b"?>", 2)?,
                Some(_) => return Ok(Next::Start),
            }
        }
    }

    /// Passes over a comment, a CDATA section or a document type without entities.
    fn declaration(&mut self) -> Result<(), Halt> {
        let rest = self.rest();
        for (open, close) in [(&b"<!--"[..], &b"-->"[..]), (b"<![CDATA[", b"]]>")] {
            if rest.starts_with(open) {
                return self.behind(close, open.len());
            }
            if open.starts_with(rest) {
                return Err(Halt::More);
            }
        }
        self.document_type()
    }

    fn document_type(&mut self) -> Result<(), Halt> {
        let start = self.pos;
        let mut open = false;
        for (at, &byte) in self.rest().iter().enumerate() {
            match byte {
                b'[' => open = true,
                b']' => open = false,
                b'>' if !open => {
                    let declared = self.rest().get(..at).unwrap_or_default();
                    if memchr::memmem::find(declared, b"<!ENTITY").is_some() {
                        return Err(Halt::entity(start));
                    }
                    self.pos += at + 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(Halt::More)
    }

    /// Goes behind the next occurrence of `end`, at least `from` bytes on.
    fn behind(&mut self, end: &[u8], from: usize) -> Result<(), Halt> {
        let rest = self.bytes.get(self.pos + from..).ok_or(Halt::More)?;
        let found = memchr::memmem::find(rest, end).ok_or(Halt::More)?;
        self.pos += from + found + end.len();
        Ok(())
    }

    /// Takes a start tag with its attributes, unread.
    pub(crate) fn start_tag(&mut self) -> Result<Tag<'a>, Halt> {
        let (name, prefixed) = self.name(self.pos + 1)?;
        let empty = self.tag_end()?;
        Ok(Tag {
            name,
            prefixed,
            empty,
        })
    }

    /// The name, without prefix, that begins at a position; leaves the position behind it.
    fn name(&mut self, start: usize) -> Result<(&'a str, bool), Halt> {
        let rest = self.bytes.get(start..).ok_or(Halt::More)?;
        let length = rest
            .iter()
            .position(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | b'>' | b'/' | b'=' | b'<' | b'"'))
            .ok_or(Halt::More)?;
        let name = self.slice(start, start + length);
        if name.is_empty() {
            return Err(Halt::syntax(Expected::Name, start));
        }
        self.pos = start + length;
        Ok(match name.rsplit_once(':') {
            Some((_, local)) => (local, true),
            None => (name, false),
        })
    }

    /// Passes over the attributes and the end of a start tag: `true` if it ends the element.
    pub(crate) fn tag_end(&mut self) -> Result<bool, Halt> {
        loop {
            let found = memchr::memchr3(b'>', b'"', b'\'', self.rest()).ok_or(Halt::More)?;
            let at = self.pos + found;
            match self.bytes.get(at) {
                Some(b'>') => {
                    self.pos = at + 1;
                    return Ok(self.bytes.get(at.wrapping_sub(1)) == Some(&b'/'));
                }
                Some(&quote) => {
                    let rest = self.bytes.get(at + 1..).unwrap_or_default();
                    self.pos = at + 2 + memchr::memchr(quote, rest).ok_or(Halt::More)?;
                }
                None => return Err(Halt::More),
            }
        }
    }

    /// Takes an end tag and gives its name without prefix.
    pub(crate) fn end_tag(&mut self) -> Result<&'a str, Halt> {
        let (name, _) = self.name(self.pos + 2)?;
        let at = self.pos;
        let found = memchr::memchr(b'>', self.rest()).ok_or(Halt::More)?;
        self.pos += found + 1;
        if self.slice(at, self.pos - 1).trim_ascii().is_empty() {
            return Ok(name);
        }
        Err(Halt::syntax(Expected::TagEnd, at))
    }

    /// Takes the end tag of this name.
    pub(crate) fn end_of(&mut self, name: &str) -> Result<(), Halt> {
        let at = self.pos;
        if self.end_tag()? == name {
            Ok(())
        } else {
            Err(Halt::syntax(Expected::EndTag, at))
        }
    }

    /// Passes over an element, of which nothing is taken.
    pub(crate) fn skip(&mut self, depth: u32, limit: u32) -> Result<(), Halt> {
        let tag = self.start_tag()?;
        if tag.empty {
            Ok(())
        } else {
            self.skip_content(tag.name, depth, limit)
        }
    }

    /// Passes over the content and end tag of an element, `depth` being open with it: tags are counted, no more.
    pub(crate) fn skip_content(&mut self, name: &str, depth: u32, limit: u32) -> Result<(), Halt> {
        let mut open = 1;
        loop {
            if self.next()? == Next::End {
                if open == 1 {
                    return self.end_of(name);
                }
                open -= 1;
                self.pos += memchr::memchr(b'>', self.rest()).ok_or(Halt::More)? + 1;
            } else {
                self.pos += 1;
                if !self.tag_end()? {
                    open += 1;
                    if depth + open > limit {
                        return Err(Halt::limit(Limit::Depth, self.pos));
                    }
                }
            }
        }
    }
}
