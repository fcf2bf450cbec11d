use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::{BytesStart, Event};

use super::unescape::unescape;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::tree::Element;

/// Reads the element that begins at `at` into a tree, whatever legal form its XML has, and says where it ends. Names
/// lose their prefix, so a document with prefixes is the same as one without.
pub(crate) fn read(text: &str, at: usize, depth: u32, limit: u32) -> Result<(Element<'_>, usize), Halt> {
    let rest = text.get(at..).unwrap_or_default();
    let mut reader = Reader::from_str(rest);
    let mut open: Vec<Open<'_>> = vec![Open::new(Element::default())];
    loop {
        let position = at + reader.buffer_position() as usize;
        let event = reader
            .read_event()
            .map_err(|error| halt(&error, position, text.get(position..).unwrap_or_default()))?;
        match event {
            Event::Start(tag) => {
                if open.len() as u32 + depth > limit {
                    return Err(Halt::limit(Limit::Depth, position));
                }
                let element = start(&tag, position)?;
                open.push(Open::new(element));
            }
            Event::Empty(tag) => {
                let element = start(&tag, position)?;
                hang(&mut open, element);
            }
            Event::End(_) => {
                if let Some(closed) = open.pop() {
                    hang(&mut open, closed.element);
                }
            }
            Event::Eof => return Err(Halt::More),
            Event::DocType(_) => return Err(Halt::entity(position)),
            _ => {}
        }
        if let [root] = open.as_mut_slice()
            && let Some(element) = root.element.children.pop()
        {
            return Ok((element, at + reader.buffer_position() as usize));
        }
    }
}

/// An element the end of which is not read, and how many children of every name it has.
struct Open<'a> {
    element: Element<'a>,
    counts: HashMap<Cow<'a, str>, u32>,
}

impl<'a> Open<'a> {
    fn new(element: Element<'a>) -> Self {
        Self {
            element,
            counts: HashMap::new(),
        }
    }
}

fn hang<'a>(open: &mut [Open<'a>], mut element: Element<'a>) {
    if let Some(parent) = open.last_mut() {
        let count = parent.counts.entry(element.name.clone()).or_default();
        *count += 1;
        element.position = *count;
        parent.element.children.push(element);
    }
}

fn start<'a>(tag: &BytesStart<'_>, at: usize) -> Result<Element<'a>, Halt> {
    let mut element = Element::new(tag.local_name().as_ref().to_owned(), 1);
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| Halt::syntax(Expected::Attribute, at))?;
        let name = attribute.key.as_ref();
        if name != "xmlns" && !name.starts_with("xmlns:") {
            let mut value = String::with_capacity(attribute.value.len());
            unescape(&attribute.value, at, &mut value)?;
            element.attributes.push((name.to_owned().into(), value.into()));
        }
    }
    Ok(element)
}

fn halt(error: &Error, at: usize, rest: &str) -> Halt {
    match error {
        // What the reader misses the end of may still come.
        Error::Syntax(SyntaxError::InvalidBangMarkup) if rest.len() > BANG => {
            Halt::syntax(Expected::Markup, at)
        }
        Error::Syntax(_) => Halt::More,
        Error::IllFormed(IllFormedError::UnclosedReference) if !goes_on(rest) => Halt::More,
        _ => Halt::syntax(Expected::EndTag, at),
    }
}

/// Whether a text goes on behind the reference it begins with, which then has no end.
fn goes_on(reference: &str) -> bool {
    reference.get(1..).is_some_and(|rest| rest.contains(['<', '&']))
}

/// Bytes of the longest word behind `<!`, by which it is known.
const BANG: usize = 16;
