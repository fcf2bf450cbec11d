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
///
/// Elements of a namespace that is not FHIR's are left out; `foreign` are the prefixes that the page's outermost element
/// binds to such.
pub(crate) fn read<'a>(
    text: &'a str,
    at: usize,
    depth: u32,
    limit: u32,
    foreign: &[String],
) -> Result<(Element<'a>, usize), Halt> {
    let rest = text.get(at..).unwrap_or_default();
    let mut reader = Reader::from_str(rest);
    let mut open: Vec<Open<'_>> = vec![Open::new(Element::default())];
    let mut bound: Vec<Binding> = Vec::new();
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
                bind(&tag, open.len(), &mut bound);
                let element = start(&tag, position)?;
                let is_foreign = is_foreign(&tag, &bound, foreign);
                open.push(Open {
                    is_foreign,
                    ..Open::new(element)
                });
            }
            Event::Empty(tag) => {
                bind(&tag, open.len(), &mut bound);
                let element = start(&tag, position)?;
                if !is_foreign(&tag, &bound, foreign) {
                    hang(&mut open, element);
                } else if open.len() == 1 {
                    hang(&mut open, Element::default());
                }
                bound.retain(|binding| binding.depth < open.len());
            }
            Event::End(_) => {
                if let Some(closed) = open.pop() {
                    if !closed.is_foreign {
                        hang(&mut open, closed.element);
                    } else if open.len() == 1 {
                        hang(&mut open, Element::default());
                    }
                }
                bound.retain(|binding| binding.depth < open.len());
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
    is_foreign: bool,
}

/// A namespace declared by an element that is open.
struct Binding {
    depth: usize,
    /// Empty for the namespace of names without one.
    prefix: String,
    is_foreign: bool,
}

/// Namespaces whose elements are read: FHIR's, and that of the narrative.
const READ: [&str; 2] = ["http://hl7.org/fhir", "http://www.w3.org/1999/xhtml"];

fn bind(tag: &BytesStart<'_>, depth: usize, bound: &mut Vec<Binding>) {
    for attribute in tag.attributes().flatten() {
        let name = attribute.key.as_ref();
        let prefix = match name.strip_prefix("xmlns") {
            Some("") => "",
            Some(rest) => match rest.strip_prefix(':') {
                Some(prefix) => prefix,
                None => continue,
            },
            None => continue,
        };
        bound.push(Binding {
            depth,
            prefix: prefix.to_owned(),
            is_foreign: !READ.contains(&&*attribute.value) && !attribute.value.is_empty(),
        });
    }
}

fn is_foreign(tag: &BytesStart<'_>, bound: &[Binding], foreign: &[String]) -> bool {
    let name = tag.name();
    let prefix = name.as_ref().split_once(':').map_or("", |(prefix, _)| prefix);
    match bound.iter().rev().find(|binding| binding.prefix == prefix) {
        Some(binding) => binding.is_foreign,
        None => foreign.iter().any(|known| known == prefix),
    }
}

/// The prefixes that the outermost element binds to a namespace that is not read.
pub(crate) fn foreign_prefixes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(Event::Start(tag) | Event::Empty(tag)) = Reader::from_str(text).read_event() {
        bind(&tag, 0, &mut found);
    }
    let foreign = found.into_iter().filter(|binding| binding.is_foreign);
    foreign
        .map(|binding| binding.prefix)
        .filter(|prefix| !prefix.is_empty())
        .collect()
}

impl<'a> Open<'a> {
    fn new(element: Element<'a>) -> Self {
        Self {
            element,
            counts: HashMap::new(),
            is_foreign: false,
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
