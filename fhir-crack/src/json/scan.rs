use std::borrow::Cow;

use super::unescape::unescape;
use crate::block::{self, Json};
use crate::error::Limit;
use crate::halt::{Expected, Halt};

/// Reads JSON forward; what nobody wants is passed over with only its strings and brackets looked at.
#[derive(Clone, Copy)]
pub(crate) struct Scan<'a> {
    pub(crate) text: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) pos: usize,
}

/// A string: the bytes between its quotes, and whether one of them is a backslash.
#[derive(Clone, Copy)]
pub(crate) struct StringSpan {
    start: u32,
    /// The end, and in the lowest bit whether there is a backslash; positions have 31 bits.
    end: u32,
}

impl StringSpan {
    #[inline]
    fn new(start: usize, end: usize, escaped: bool) -> Self {
        Self {
            start: start as u32,
            end: (end as u32) << 1 | u32::from(escaped),
        }
    }

    #[inline]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    #[inline]
    pub(crate) fn end(self) -> usize {
        (self.end >> 1) as usize
    }

    #[inline]
    pub(crate) fn escaped(self) -> bool {
        self.end & 1 == 1
    }
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str, pos: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            pos,
        }
    }

    /// The next byte that is not a blank, without taking it.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Result<u8, Halt> {
        match self.bytes.get(self.pos) {
            Some(&byte) if byte > b' ' => Ok(byte),
            // Many writers put one blank behind each colon and comma.
            Some(b' ') => match self.bytes.get(self.pos + 1) {
                Some(&byte) if byte > b' ' => {
                    self.pos += 1;
                    Ok(byte)
                }
                _ => self.peek_behind_blanks(),
            },
            _ => self.peek_behind_blanks(),
        }
    }

    fn peek_behind_blanks(&mut self) -> Result<u8, Halt> {
        loop {
            match self.bytes.get(self.pos) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.pos += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(Halt::More),
            }
        }
    }

    /// Takes this byte, blanks before it skipped.
    #[inline(always)]
    pub(crate) fn expect(&mut self, byte: u8, expected: Expected) -> Result<(), Halt> {
        if self.peek()? == byte {
            self.pos += 1;
            return Ok(());
        }
        Err(Halt::syntax(expected, self.pos))
    }

    /// Behind a member or element: `true` if another one follows, `false` behind the closing bracket.
    #[inline(always)]
    pub(crate) fn more(&mut self, close: u8, expected: Expected) -> Result<bool, Halt> {
        let byte = self.peek()?;
        self.pos += 1;
        if byte == b',' {
            return Ok(true);
        }
        if byte == close {
            return Ok(false);
        }
        Err(Halt::syntax(expected, self.pos - 1))
    }

    /// Behind an opening bracket: `true`, and taken, if the closing one follows at once.
    #[inline(always)]
    pub(crate) fn closes(&mut self, close: u8) -> Result<bool, Halt> {
        let closes = self.peek()? == close;
        self.pos += usize::from(closes);
        Ok(closes)
    }

    /// Takes a string.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<StringSpan, Halt> {
        self.expect(b'"', Expected::String)?;
        self.string_rest()
    }

    /// Takes a string the opening quote of which is taken already.
    #[inline(always)]
    pub(crate) fn string_rest(&mut self) -> Result<StringSpan, Halt> {
        let start = self.pos;
        let at = find_quote(self.bytes, start).ok_or(Halt::More)?;
        if self.bytes.get(at) == Some(&b'"') {
            self.pos = at + 1;
            return Ok(StringSpan::new(start, at, false));
        }
        self.string_escaped(start, at)
    }

    #[cold]
    fn string_escaped(&mut self, start: usize, mut at: usize) -> Result<StringSpan, Halt> {
        loop {
            if self.bytes.get(at) == Some(&b'"') {
                self.pos = at + 1;
                return Ok(StringSpan::new(start, at, true));
            }
            at = find_quote(self.bytes, at + 2).ok_or(Halt::More)?;
        }
    }

    /// Takes a number and gives its literal text, checked against the grammar.
    pub(crate) fn number(&mut self) -> Result<(usize, usize), Halt> {
        let start = self.pos;
        let mut at = start + usize::from(self.bytes.get(start) == Some(&b'-'));
        let leading = at;
        at = self.digits(at)?;
        if self.bytes.get(leading) == Some(&b'0') && at > leading + 1 {
            return Err(Halt::syntax(Expected::Number, leading));
        }
        if self.bytes.get(at) == Some(&b'.') {
            at = self.digits(at + 1)?;
        }
        if matches!(self.bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(self.bytes.get(at), Some(b'+' | b'-')));
            at = self.digits(at)?;
        }
        self.pos = at;
        Ok((start, at))
    }

    fn digits(&self, from: usize) -> Result<usize, Halt> {
        let mut at = from;
        while let Some(byte) = self.bytes.get(at) {
            if !byte.is_ascii_digit() {
                return if at > from {
                    Ok(at)
                } else {
                    Err(Halt::syntax(Expected::Digit, at))
                };
            }
            at += 1;
        }
        Err(Halt::More)
    }

    /// Takes `true`, `false` or `null`.
    pub(crate) fn literal(&mut self) -> Result<(usize, usize), Halt> {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        for word in ["true", "false", "null"] {
            if rest.starts_with(word.as_bytes()) {
                let start = self.pos;
                self.pos += word.len();
                return Ok((start, self.pos));
            }
            if word.as_bytes().starts_with(rest) {
                return Err(Halt::More);
            }
        }
        Err(Halt::syntax(Expected::Value, self.pos))
    }

    /// Passes over a value of any kind. `depth` is how many elements are open round it, `limit` how many may be.
    pub(crate) fn skip(&mut self, depth: u32, limit: u32) -> Result<(), Halt> {
        match self.peek()? {
            b'"' => {
                self.pos += 1;
                self.string_rest().map(drop)
            }
            b'{' | b'[' => self.skip_brackets(0, depth, limit),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => self.literal().map(drop),
        }
    }

    /// Passes over an object or array, `open` brackets of which are taken: they are counted, 64 bytes at a time, those in
    /// strings left out.
    fn skip_brackets(&mut self, mut open: u32, depth: u32, limit: u32) -> Result<(), Halt> {
        while let Some(block) = self.bytes.get(self.pos..).and_then(<[u8]>::first_chunk::<64>) {
            let json = Json::of(block);
            // Before the first backslash, which has to be in a string, every quote begins or ends one.
            let known = json.backslashes.trailing_zeros();
            let below = 1_u64.checked_shl(known).map_or(u64::MAX, |bit| bit - 1);
            let strings = Json::strings(json.quotes & below);
            let (opening, closing) = (json.opening & below & !strings, json.closing & below & !strings);
            if closing.count_ones() < open && depth + open + opening.count_ones() <= limit {
                open = open + opening.count_ones() - closing.count_ones();
            } else if self.brackets(opening, closing, &mut open, depth, limit)? {
                return Ok(());
            }
            let inside = known > 0 && strings >> (known - 1) & 1 == 1;
            self.pos += known as usize;
            if inside {
                self.string_rest()?;
            } else if known < 64 {
                self.pos += 1;
            }
        }
        self.skip_rest(open, depth, limit)
    }

    /// Passes over what is left of an object, its opening bracket taken, `depth` being open round it.
    pub(crate) fn skip_object_rest(&mut self, depth: u32, limit: u32) -> Result<(), Halt> {
        self.skip_brackets(1, depth, limit)
    }

    /// Takes the brackets of a block one by one: `true`, and the position behind it, if the last one open is closed.
    fn brackets(
        &mut self,
        opening: u64,
        closing: u64,
        open: &mut u32,
        depth: u32,
        limit: u32,
    ) -> Result<bool, Halt> {
        let mut brackets = opening | closing;
        while brackets != 0 {
            let place = brackets.trailing_zeros();
            if opening >> place & 1 == 1 {
                *open += 1;
                if depth + *open > limit {
                    return Err(Halt::limit(Limit::Depth, self.pos + place as usize));
                }
            } else {
                *open -= 1;
                if *open == 0 {
                    self.pos += place as usize + 1;
                    return Ok(true);
                }
            }
            brackets &= brackets - 1;
        }
        Ok(false)
    }

    /// Passes over the rest of a container, `open` brackets of which are open, byte by byte: the last of a chunk.
    fn skip_rest(&mut self, mut open: u32, depth: u32, limit: u32) -> Result<(), Halt> {
        let mut at = self.pos;
        loop {
            match self.bytes.get(at) {
                Some(b'"') => {
                    self.pos = at + 1;
                    self.string_rest()?;
                    at = self.pos;
                    continue;
                }
                Some(b'{' | b'[') => {
                    open += 1;
                    if depth + open > limit {
                        return Err(Halt::limit(Limit::Depth, at));
                    }
                }
                Some(b'}' | b']') => {
                    open -= 1;
                    if open == 0 {
                        self.pos = at + 1;
                        return Ok(());
                    }
                }
                Some(_) => {}
                None => return Err(Halt::More),
            }
            at += 1;
        }
    }
}

/// Position of the next quote or backslash. Most strings end within a few blocks; the long ones are left to memchr.
#[inline(always)]
pub(crate) fn find_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for _ in 0..4 {
        let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) else {
            break;
        };
        let found = block::quotes(chunk);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 16;
    }
    find_far_quote(bytes, at)
}

#[inline(never)]
fn find_far_quote(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr2(b'"', b'\\', bytes.get(from..)?).map(|found| from + found)
}

impl<'a> Scan<'a> {
    /// The bytes from the scan's place on.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    /// The text of a member's name or a type, its escapes undone.
    pub(crate) fn name_of(&self, name: StringSpan) -> Result<Cow<'a, str>, Halt> {
        let raw = self.slice(name.start(), name.end());
        if !name.escaped() {
            return Ok(raw.into());
        }
        let mut text = String::new();
        unescape(raw, name.start(), &mut text)?;
        Ok(text.into())
    }

    /// The page's text between two positions.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The `resourceType` of an object whose opening bracket is taken, wherever it stands in it; nothing is taken.
    pub(crate) fn resource_type(&self, depth: u32, limit: u32) -> Result<Option<StringSpan>, Halt> {
        let mut scan = *self;
        if scan.closes(b'}')? {
            return Ok(None);
        }
        loop {
            let name = scan.string()?;
            scan.expect(b':', Expected::Colon)?;
            if scan.name_of(name)? == "resourceType" {
                return if scan.peek()? == b'"' {
                    scan.string().map(Some)
                } else {
                    Ok(None)
                };
            }
            scan.skip(depth, limit)?;
            if !scan.more(b'}', Expected::Member)? {
                return Ok(None);
            }
        }
    }

    /// Passes over the members of an object whose opening bracket is taken.
    pub(crate) fn skip_members(&mut self, depth: u32, limit: u32) -> Result<(), Halt> {
        if self.closes(b'}')? {
            return Ok(());
        }
        loop {
            self.string()?;
            self.expect(b':', Expected::Colon)?;
            self.skip(depth, limit)?;
            if !self.more(b'}', Expected::Member)? {
                return Ok(());
            }
        }
    }
}
