use crate::block::{TagEnd, Xml};
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
        // Names are short: looking byte by byte is faster than preparing for more.
        Ok(match name.bytes().rposition(|byte| byte == b':') {
            Some(colon) => (name.get(colon + 1..).unwrap_or_default(), true),
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

    /// Passes over the content and end tag of an element, `depth` being open with it: tags are counted, no more, 64 bytes
    /// at a time.
    pub(crate) fn skip_content(&mut self, name: &str, depth: u32, limit: u32) -> Result<(), Halt> {
        let mut open = 1;
        // Where a start tag began the end of which is not seen yet, and whether it goes on inside of a value.
        let mut tag: Option<(usize, bool)> = None;
        'blocks: while let Some(block) = self.rest().first_chunk::<64>() {
            let xml = Xml::of(block);
            // Bits of this block that are passed over.
            let mut from = 0;
            loop {
                let (start, in_value) = match tag.take() {
                    Some(tag) => tag,
                    None => {
                        let less = xml.less & u64::MAX.checked_shl(from).unwrap_or(0);
                        if less == 0 {
                            break;
                        }
                        from = less.trailing_zeros();
                        let start = self.pos + from as usize;
                        match self.bytes.get(start + 1) {
                            None => return Err(Halt::More),
                            Some(b'/') if open == 1 => {
                                self.pos = start;
                                return self.end_of(name);
                            }
                            Some(b'/') => {
                                open -= 1;
                                from += 2;
                                continue;
                            }
                            Some(b'!' | b'?') => {
                                self.pos = start;
                                self.next()?;
                                continue 'blocks;
                            }
                            Some(_) => (start, false),
                        }
                    }
                };
                match xml.tag_end(from, in_value) {
                    TagEnd::At(end) => {
                        let end = end as usize;
                        if self.bytes.get((self.pos + end).wrapping_sub(1)) != Some(&b'/') {
                            open = opened(open, depth, limit, self.pos + end + 1)?;
                        }
                        from = end as u32 + 1;
                    }
                    TagEnd::Behind { in_value } => {
                        tag = Some((start, in_value));
                        break;
                    }
                    TagEnd::Unclear => {
                        self.pos = start + 1;
                        if !self.tag_end()? {
                            open = opened(open, depth, limit, self.pos)?;
                        }
                        continue 'blocks;
                    }
                }
            }
            self.pos += 64;
        }
        self.pos = tag.map_or(self.pos, |(start, _)| start);
        self.skip_rest(name, open, depth, limit)
    }

    /// Passes over what is left of an element's content, tag by tag: the last bytes of a chunk.
    fn skip_rest(&mut self, name: &str, mut open: u32, depth: u32, limit: u32) -> Result<(), Halt> {
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
                    open = opened(open, depth, limit, self.pos)?;
                }
            }
        }
    }
}

/// How many elements are open with one more, the start tag of which ends at a position.
fn opened(open: u32, depth: u32, limit: u32, at: usize) -> Result<u32, Halt> {
    if depth + open < limit {
        return Ok(open + 1);
    }
    Err(Halt::limit(Limit::Depth, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Markup that ends where a reader of tags has to look twice.
    const PIECES: [&str; 17] = [
        "<a>",
        "<a>",
        "</a>",
        "</a>",
        "<b/>",
        "<b value=\"x\"/>",
        "<c value=\"1 > 2 /\">",
        "<c value='it\"s />'>",
        "<c value='1 /> 2'>",
        "<d url=\"http://example.org/a-name-longer-than-a-block-of-sixty-four-bytes/and/more\">",
        "</d>",
        "</c>",
        "text's \"own\" > marks /> ",
        "<!-- <a> \" -->",
        "<![CDATA[</a>'/>]]>",
        "<?note </a> ?>",
        "\n    ",
    ];

    #[test]
    fn blocks_pass_over_what_single_tags_pass_over() {
        let mut state = 7_u64;
        let mut ended = 0;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..state % 40 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(PIECES[(state >> 33) as usize % PIECES.len()]);
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(3) >> 1;
            text.push_str("</a></a></a></a> and what follows, up to the length of one more block of bytes.");
            let (mut blocks, mut tags) = (Scan::new(&text, 0), Scan::new(&text, 0));
            let by_blocks = blocks.skip_content("a", 1, 6);
            let by_tags = tags.skip_rest("a", 1, 1, 6);
            assert_eq!(format!("{by_blocks:?}"), format!("{by_tags:?}"), "{text}");
            if by_tags.is_ok() {
                ended += 1;
                assert_eq!(blocks.pos, tags.pos, "{text}");
            }
        }
        assert!(ended > 1000, "{ended}");
    }
}
