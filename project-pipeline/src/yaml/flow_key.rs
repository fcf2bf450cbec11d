//! Keys between braces: one without `?` stands on one line with its `:`, as Python's loaders want it.

use std::ops::Range;

use granit_parser::{Event, StructureStyle};

use crate::Place;

/// What ends a line.
const BREAKS: [char; 2] = ['\n', '\r'];

/// A collection that is open.
struct Level {
    /// Whether it is a mapping between braces.
    is_braces: bool,
    /// Whether the next node of it is a key.
    awaits_key: bool,
    /// Where it begins, if it is itself a key without `?`.
    key: Option<(usize, Place)>,
}

/// Watches the events of a text.
pub(super) struct FlowKeys<'a> {
    text: &'a str,
    levels: Vec<Level>,
    /// Where the last event ended.
    end: usize,
}

impl<'a> FlowKeys<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            levels: Vec::new(),
            end: 0,
        }
    }

    /// Takes the next event and gives the place of a key that is not on one line, if one has just ended.
    pub(super) fn see(&mut self, event: &Event<'_>, range: Range<usize>, at: Place) -> Option<Place> {
        let fault = match event {
            Event::Scalar(..) | Event::Alias(..) => {
                let key = self.begin(range.start, at);
                self.finish(key, range.end)
            }
            Event::SequenceStart(..) => {
                let key = self.begin(range.start, at);
                self.open(false, key);
                None
            }
            Event::MappingStart(style, ..) => {
                let key = self.begin(range.start, at);
                let is_braces = *style == StructureStyle::Flow && self.text[range.start..].starts_with('{');
                self.open(is_braces, key);
                None
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let key = self.levels.pop().and_then(|level| level.key);
                self.finish(key, range.end)
            }
            _ => None,
        };
        self.end = self.end.max(range.end);
        fault
    }

    /// Where the last event that was seen ended.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    fn open(&mut self, is_braces: bool, key: Option<(usize, Place)>) {
        self.levels.push(Level {
            is_braces,
            awaits_key: true,
            key,
        });
    }

    /// A node begins: where its text begins with anchor and tag, if it is a key between braces without `?`.
    fn begin(&mut self, start: usize, at: Place) -> Option<(usize, Place)> {
        let end = self.end.min(start);
        let level = self.levels.last_mut()?;
        let is_key = level.awaits_key;
        level.awaits_key = !is_key;
        if !is_key || !level.is_braces {
            return None;
        }
        let mut begin = start;
        let mut offset = end;
        for line in self.text[end..start].split_inclusive(BREAKS) {
            let code = line.find('#').map_or(line, |comment| &line[..comment]);
            for (at, word) in words(code) {
                match word {
                    "?" => return None,
                    // An anchor or a tag.
                    _ => begin = begin.min(offset + at),
                }
            }
            offset += line.len();
        }
        Some((begin, at))
    }

    /// A node has ended: whether it was a key and its `:` is on another line than its begin.
    fn finish(&self, key: Option<(usize, Place)>, end: usize) -> Option<Place> {
        let (begin, place) = key?;
        let mut colon = end;
        for line in self.text[end..].split_inclusive(BREAKS) {
            let code = line.split_once('#').map_or(line, |(code, _)| code);
            let rest = code.trim_start();
            if !rest.is_empty() {
                colon += code.len() - rest.len();
                break;
            }
            colon += line.len();
        }
        let is_key = self.text[colon..].starts_with(':');
        (is_key && self.text[begin..colon].contains(BREAKS)).then_some(place)
    }
}

/// The words between blanks, commas and brackets, with their offsets.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| c.is_whitespace() || "{,[:".contains(c))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

#[cfg(test)]
mod tests {
    use crate::yaml::read;

    #[test]
    fn keys_between_braces_stand_on_one_line() {
        for (text, good) in [
            ("{a: 1, b:\n 2, c}", true),
            ("{a\n b: 1}", false),
            ("{'a'\n : 1}", false),
            ("{\"a\\\n b\": 1}", false),
            ("{x: {'a\n b': 1}}", false),
            ("{? a\n b : 1}", true),
            ("{? # why\n a\n : 1}", true),
            ("{a # why\n : 1}", false),
            ("{&x\n a: 1}", false),
            ("{b: &x a, *x : 2}", true),
            ("{[a,\n b]: 1}", false),
            ("{? [a,\n b] : 1}", true),
            ("{a,\n b: 'c\n d', e: f\n g}", true),
            ("{\n a: 1,\n : 2}", true),
        ] {
            assert_eq!(read(text).is_ok(), good, "{text:?}");
        }
    }
}
