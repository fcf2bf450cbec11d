//! The text form of a cell: `[1.2]Anne ~ [2.1]Lea`.
//!
//! An index is a bracket, as many numbers as the column's path has segments, and a bracket; it is recognised only at the
//! start of a cell or directly behind the separator, with numbers from 1 without leading zeros, and never smaller than the
//! index before it. Everything else is value text, so a value such as `[sic]`, `[2023]` or `a ~ b` comes back as it was.

use crate::store::Entry;

/// Brackets, separator and index separator of the text form of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notation {
    /// Text before an index.
    pub open: String,
    /// Text behind an index.
    pub close: String,
    /// Text between two values.
    pub separator: String,
    /// Text between two numbers of an index.
    pub index_separator: String,
    /// Whether values are written with their index; without, brackets are not used.
    pub indexed: bool,
}

impl Default for Notation {
    /// `[`, `]`, ` ~ ` and `.`, as the raw tables have it.
    fn default() -> Self {
        Self::new("[", "]", " ~ ")
    }
}

impl Notation {
    /// Values with index in these brackets, numbers separated by a full stop.
    #[must_use]
    pub fn new(open: &str, close: &str, separator: &str) -> Self {
        Self {
            open: open.to_owned(),
            close: close.to_owned(),
            separator: separator.to_owned(),
            index_separator: ".".to_owned(),
            indexed: true,
        }
    }

    /// Values without index; what belongs together cannot be told from such cells any more.
    #[must_use]
    pub fn without_brackets(separator: &str) -> Self {
        Self {
            indexed: false,
            ..Self::new("", "", separator)
        }
    }

    /// Appends the values of a cell. `false`, and nothing appended, where there is none.
    pub fn write<'a>(&self, entries: impl IntoIterator<Item = Entry<'a>>, out: &mut Vec<u8>) -> bool {
        let mut any = false;
        for entry in entries {
            if any {
                out.extend_from_slice(self.separator.as_bytes());
            }
            any = true;
            if self.indexed && !entry.index.is_empty() {
                self.write_index(entry.index, out);
            }
            out.extend_from_slice(entry.text.as_bytes());
        }
        any
    }

    /// Appends an index with its brackets.
    pub fn write_index(&self, index: &[u32], out: &mut Vec<u8>) {
        out.extend_from_slice(self.open.as_bytes());
        for (level, &number) in index.iter().enumerate() {
            if level > 0 {
                out.extend_from_slice(self.index_separator.as_bytes());
            }
            write_number(number, out);
        }
        out.extend_from_slice(self.close.as_bytes());
    }

    /// The values of a cell of a column whose path has `depth` segments.
    #[must_use]
    pub fn parse<'a>(&'a self, cell: &'a str, depth: usize) -> Values<'a> {
        Values {
            notation: self,
            rest: Some(cell),
            depth,
        }
    }

    /// Splits an index of `depth` numbers off the start of a text: the numbers as written, and what follows.
    fn split_index<'a>(&self, text: &'a str, depth: usize) -> Option<(&'a str, &'a str)> {
        if !self.indexed || depth == 0 {
            return None;
        }
        let numbers = text.strip_prefix(self.open.as_str())?;
        let mut rest = numbers;
        for level in 0..depth {
            if level > 0 {
                rest = rest.strip_prefix(self.index_separator.as_str())?;
            }
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, behind) = rest.split_at(digits);
            if number.starts_with('0') || number.parse::<u32>().is_err() {
                return None;
            }
            rest = behind;
        }
        let len = numbers.len() - rest.len();
        Some((numbers.get(..len)?, rest.strip_prefix(self.close.as_str())?))
    }
}

/// One value of a parsed cell.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    numbers: Option<&'a str>,
    separator: &'a str,
    /// The value, without index.
    pub text: &'a str,
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Value")
            .field("index", &self.numbers)
            .field("bytes", &self.text.len())
            .finish()
    }
}

impl<'a> Value<'a> {
    /// The numbers of the index, counted from 1; none for a value without one.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + use<'a> {
        let separator = self.separator;
        self.numbers
            .into_iter()
            .flat_map(move |n| n.split(separator))
            .filter_map(|n| n.parse().ok())
    }
}

/// The values of a cell, in order; see [`Notation::parse`].
#[derive(Clone)]
pub struct Values<'a> {
    notation: &'a Notation,
    rest: Option<&'a str>,
    depth: usize,
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let rest = self.rest.take()?;
        let separator = self.notation.index_separator.as_str();
        let whole = Value {
            numbers: None,
            separator,
            text: rest,
        };
        let Some((numbers, text)) = self.notation.split_index(rest, self.depth) else {
            return Some(whole);
        };
        let value = Value {
            numbers: Some(numbers),
            separator,
            text,
        };
        let mut from = 0;
        while let Some(found) = self.notation.find_separator(text, from) {
            let behind = text
                .get(found + self.notation.separator.len()..)
                .unwrap_or_default();
            if let Some((next, _)) = self.notation.split_index(behind, self.depth)
                && !before(next, numbers, separator)
            {
                self.rest = Some(behind);
                return Some(Value {
                    text: text.get(..found).unwrap_or_default(),
                    ..value
                });
            }
            from = found + 1;
        }
        Some(value)
    }
}

impl Notation {
    fn find_separator(&self, text: &str, from: usize) -> Option<usize> {
        if self.separator.is_empty() {
            return (from..text.len()).find(|&at| text.is_char_boundary(at));
        }
        let found = memchr::memmem::find(text.as_bytes().get(from..)?, self.separator.as_bytes())?;
        Some(from + found)
    }
}

/// Whether index `a` stands before index `b` in document order.
fn before(a: &str, b: &str, separator: &str) -> bool {
    fn numbers<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = u32> {
        text.split(separator).map(|n| n.parse().unwrap_or_default())
    }
    a != b && numbers(a, separator).lt(numbers(b, separator))
}

fn write_number(number: u32, out: &mut Vec<u8>) {
    if number < 10 {
        out.push(b'0' + number as u8);
        return;
    }
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut rest = number;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// How many segments a column's path has: its slashes outside of predicates and quoted text, and one.
#[must_use]
pub fn path_depth(path: &str) -> usize {
    let mut depth = 1;
    let mut open = 0_usize;
    let mut quote = None;
    for byte in path.bytes() {
        match (quote, byte) {
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'[') => open += 1,
            (None, b']') => open = open.saturating_sub(1),
            (None, b'/') if open == 0 => depth += 1,
            _ => {}
        }
    }
    depth
}
