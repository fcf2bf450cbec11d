use memchr::{memchr, memchr3, memmem};
use quick_xml::escape::unescape;

/// The tags of an XML text, one after the other.
///
/// It looks at nothing but tags and their nesting, which is what tells a whole page from one that broke off; the
/// decoder reads the same bytes with care later. Document type definitions, which FHIR does not use, are refused.
pub(super) struct Tags<'a> {
    rest: &'a str,
}

pub(super) enum Tag<'a> {
    Open(Start<'a>),
    Empty(Start<'a>),
    Close,
    /// The text has no more tags.
    End,
}

/// A start tag's name and attributes.
#[derive(Clone, Copy)]
pub(super) struct Start<'a> {
    text: &'a str,
}

/// What the end of an element is found by without reading the tags before it.
pub(super) struct Passage {
    close: memmem::Finder<'static>,
    open: memmem::Finder<'static>,
    special: memmem::Finder<'static>,
}

impl Passage {
    /// For elements of this name, as written.
    pub(super) fn of(name: &str) -> Passage {
        let finder = |text: String| memmem::Finder::new(text.as_bytes()).into_owned();
        Passage {
            close: finder(format!("</{name}>")),
            open: finder(format!("<{name}")),
            special: finder("<!".to_owned()),
        }
    }
}

impl<'a> Tags<'a> {
    pub(super) fn new(text: &'a str) -> Tags<'a> {
        Tags { rest: text }
    }

    /// The next tag; `None` where the text breaks off in one.
    pub(super) fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let Some(at) = memchr(b'<', self.rest.as_bytes()) else {
                return Some(Tag::End);
            };
            let tag = &self.rest[at + 1..];
            match tag.as_bytes().first()? {
                b'!' if tag.starts_with("!--") => self.skip(tag, 3, "-->")?,
                b'!' if tag.starts_with("![CDATA[") => self.skip(tag, 8, "]]>")?,
                b'!' => return None,
                b'?' => self.skip(tag, 1, "?>")?,
                b'/' => {
                    self.skip(tag, 1, ">")?;
                    return Some(Tag::Close);
                }
                _ => {
                    let end = end(tag.as_bytes())?;
                    self.rest = &tag[end + 1..];
                    let text = &tag[..end];
                    return Some(match text.strip_suffix('/') {
                        Some(text) => Tag::Empty(Start { text }),
                        None => Tag::Open(Start { text }),
                    });
                }
            }
        }
    }

    /// Goes to the next closing tag of the passage's name and says so; stays where elements of that name, comments or
    /// CDATA come before it, which may hold what looks like that tag.
    pub(super) fn pass(&mut self, passage: &Passage) -> bool {
        let rest = self.rest.as_bytes();
        let Some(at) = passage.close.find(rest) else {
            return false;
        };
        let between = &rest[..at];
        let plain = passage.special.find(between).is_none() && passage.open.find(between).is_none();
        if plain {
            self.rest = &self.rest[at..];
        }
        plain
    }

    fn skip(&mut self, tag: &'a str, from: usize, end: &str) -> Option<()> {
        let at = from + memmem::find(&tag.as_bytes()[from..], end.as_bytes())?;
        self.rest = &tag[at + end.len()..];
        Some(())
    }
}

impl<'a> Start<'a> {
    /// The name as written.
    pub(super) fn name(self) -> &'a str {
        self.text
            .split(|c: char| c.is_ascii_whitespace())
            .next()
            .unwrap_or_default()
    }

    /// The name without its prefix.
    pub(super) fn local_name(self) -> &'a str {
        self.name().rsplit(':').next().unwrap_or_default()
    }

    /// The attribute `value`, unescaped; empty where there is none, `None` where the tag is broken.
    pub(super) fn value(self) -> Option<String> {
        let mut rest = self
            .text
            .split_once(|c: char| c.is_ascii_whitespace())
            .map_or("", |(_, rest)| rest)
            .trim_start();
        while !rest.is_empty() {
            let (name, behind) = rest.split_once('=')?;
            let behind = behind.trim_start();
            let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (text, behind) = behind[1..].split_once(quote)?;
            if name.trim_end() == "value" {
                return Some(unescape(text).ok()?.into_owned());
            }
            rest = behind.trim_start();
        }
        Some(String::new())
    }
}

/// Where a start tag ends: at the first `>` outside its attributes' values.
fn end(tag: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr3(b'>', b'"', b'\'', &tag[at..])?;
        if tag[found] == b'>' {
            return Some(found);
        }
        at = found + 1 + memchr(tag[found], &tag[found + 1..])? + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (tag, name, value) in [
            ("url value=\"a?b&amp;c\"", "url", Some("a?b&c")),
            ("f:url  id='x'  value = 'a>\"b' ", "url", Some("a>\"b")),
            ("url\n\tvalue=\"ä\"", "url", Some("ä")),
            ("url", "url", Some("")),
            ("url id=\"value\"", "url", Some("")),
            ("url value=x", "url", None),
            ("url value", "url", None),
            ("url value=\"&nope;\"", "url", None),
        ] {
            let start = Start { text: tag };
            assert_eq!(
                (start.local_name(), start.value().as_deref()),
                (name, value),
                "{tag}"
            );
        }
    }

    #[test]
    fn the_end_of_an_element_is_found_unless_something_may_look_like_it() {
        for (text, passed) in [
            ("<id value='1'/></a><b/></r><c/>", Some("</r><c/>")),
            ("</r>", Some("</r>")),
            ("<b v='</s>'/></r>", Some("</r>")),
            ("<!-- </r> --></r>", None),
            ("<div><![CDATA[</r>]]></div></r>", None),
            ("<a><r></r></a></r>", None),
            ("<a></r ><b></r>", Some("</r>")),
            ("<a></a>", None),
        ] {
            let mut tags = Tags::new(text);
            assert_eq!(tags.pass(&Passage::of("r")), passed.is_some(), "{text}");
            assert_eq!(tags.rest, passed.unwrap_or(text), "{text}");
        }
    }

    #[test]
    fn tags_are_told_from_what_looks_like_them() {
        let text = "<?xml v='>'?><!-- <a> --><a b='>' c=\"'>\"><![CDATA[<x>]]>text<b/></a >";
        let mut tags = Tags::new(text);
        let mut seen = String::new();
        loop {
            match tags.next().expect("whole") {
                Tag::Open(start) => seen.push_str(start.local_name()),
                Tag::Empty(start) => seen.push_str(&start.local_name().to_uppercase()),
                Tag::Close => seen.push('.'),
                Tag::End => break,
            }
        }
        assert_eq!(seen, "aB.");
        for broken in ["<", "<a", "<a b='>", "<!-- x", "<?xml", "</a", "<!DOCTYPE x>"] {
            assert!(Tags::new(broken).next().is_none(), "{broken}");
        }
    }
}
