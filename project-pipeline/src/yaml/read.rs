//! From parser events to a tree.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::flow_key::FlowKeys;
use super::scalar::Schema;
use super::{Node, Value, tabs, tag};
use crate::{Fault, Place, Rule};

/// A collection that is being read.
enum Open {
    List(Place, usize, Option<Tag>, Vec<Node>),
    Map(Place, usize, Option<Tag>, Vec<(Node, Node)>, Option<Node>),
}

/// Reads the one document of `text`; an empty text is null.
///
/// # Errors
/// Where the text is not one YAML document without duplicate keys: all duplicates, or the first fault of form.
pub(crate) fn read(text: &str) -> Result<Node, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    forbidden(text)?;
    ends_before_it_begins(text)?;
    let mut tree = Tree {
        schema: schema(text)?,
        ..Tree::default()
    };
    let mut keys = FlowKeys::new(text);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                let at = place(span.start);
                if matches!(event, Event::DocumentEnd) {
                    ends_once(text, keys.end())?;
                }
                if let Some(at) = span.byte_range().and_then(|range| keys.see(&event, range, at)) {
                    let message = "a key between braces and its `:` stand on one line";
                    return Err(vec![Fault::new(Rule::Yaml, at, message)]);
                }
                if let (Event::Scalar(_, style, ..), Some(range)) = (&event, span.byte_range()) {
                    tree.texts.extend(opaque(text, *style, range));
                }
                tree.take(event, at)?;
            }
            Err(fault) => {
                return Err(vec![Fault::new(
                    Rule::Yaml,
                    place(*fault.marker()),
                    format!("this is not YAML: {}", fault.info()),
                )]);
            }
        }
    }
    tree.faults.extend(tabs::faults(text, &tree.texts));
    if tree.faults.is_empty() {
        Ok(tree.root.unwrap_or_else(|| Node::new(Place::START, Value::Null)))
    } else {
        Err(tree.faults)
    }
}

fn place(marker: Marker) -> Place {
    Place::new(marker.line(), marker.col() + 1)
}

/// The part of a scalar in which every character is its own: not of plain ones, and not the header of block ones.
fn opaque(text: &str, style: ScalarStyle, range: Range<usize>) -> Option<Range<usize>> {
    match style {
        ScalarStyle::Plain => None,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Some(range),
        _ => {
            let begins_line = text.get(..range.start)?.trim_end_matches(' ').ends_with('\n');
            let header = if begins_line {
                0
            } else {
                text.get(range.clone())?.find('\n')?
            };
            Some(range.start + header..range.end)
        }
    }
}

/// `...` ends a document, and there is none before the first one.
fn ends_before_it_begins(text: &str) -> Result<(), Vec<Fault>> {
    let first = text
        .lines()
        .enumerate()
        .find(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    match first {
        Some((number, line)) if line.starts_with("...") && line[3..].trim_start_matches(' ').is_empty() => {
            Err(vec![Fault::new(
                Rule::Yaml,
                Place::new(number + 1, 1),
                "`...` ends a document before one has begun",
            )])
        }
        _ => Ok(()),
    }
}

/// A document ends with one `...`; a second one ends another document. The last value ends at a byte of `text`.
fn ends_once(text: &str, end: usize) -> Result<(), Vec<Fault>> {
    let number = text[..end].matches('\n').count();
    let mut ends = text.lines().enumerate().skip(number).filter(|(_, line)| {
        line.strip_prefix("...")
            .is_some_and(|rest| rest.trim().is_empty())
    });
    match ends.nth(1) {
        Some((number, _)) => Err(refused(
            Place::new(number + 1, 1),
            "a second `...` ends a document that has not begun".to_owned(),
        )),
        None => Ok(()),
    }
}

/// How plain scalars are typed: by the version that a directive before the document names.
fn schema(text: &str) -> Result<Schema, Vec<Fault>> {
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["%YAML", "1.1", ..] => return Ok(Schema::Old),
            ["%YAML", "1.2", ..] => return Ok(Schema::New),
            ["%YAML", ..] => {
                return Err(vec![Fault::new(
                    Rule::Yaml,
                    Place::new(number + 1, 1),
                    "the versions of YAML are 1.1 and 1.2",
                )]);
            }
            [] => {}
            [first, ..] if first.starts_with(['%', '#']) => {}
            _ => break,
        }
    }
    Ok(Schema::New)
}

/// Control characters have no place in YAML.
fn forbidden(text: &str) -> Result<(), Vec<Fault>> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    for (number, line) in text.split('\n').enumerate() {
        if let Some((column, c)) = line.chars().enumerate().find(|(_, c)| !allowed(*c)) {
            return Err(vec![Fault::new(
                Rule::Yaml,
                Place::new(number + 1, column + 1),
                format!(
                    "this is not YAML: it holds the control character U+{:04X}",
                    u32::from(c)
                ),
            )]);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    faults: Vec<Fault>,
    documents: usize,
    schema: Schema,
    /// Entries of the last mapping that came by `<<`; they stand behind its own.
    merges: usize,
    /// Where keys that merge stand; a quoted `<<` is a key as others are.
    merge_keys: HashSet<Place>,
    /// Where quoted and block texts are, in bytes.
    texts: Vec<Range<usize>>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, at: Place) -> Result<(), Vec<Fault>> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(vec![Fault::new(
                        Rule::Yaml,
                        at,
                        "a second YAML document begins here, a project has one",
                    )]);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                let value = tag::scalar(&text, style, tag.as_deref(), self.schema);
                let node = Node::new(at, value.map_err(|message| refused(at, message))?);
                if is_merge && self.awaits_key() {
                    self.merge_keys.insert(at);
                }
                self.close(node, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open.push(Open::List(at, anchor, owned(tag), Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open
                    .push(Open::Map(at, anchor, owned(tag), Vec::new(), None));
            }
            Event::SequenceEnd => {
                if let Some(Open::List(at, anchor, tag, items)) = self.open.pop() {
                    let value = tag::list(items, tag.as_ref()).map_err(|message| refused(at, message))?;
                    self.close(Node::new(at, value), anchor);
                }
            }
            Event::MappingEnd => {
                if let Some(Open::Map(at, anchor, tag, entries, _)) = self.open.pop() {
                    let mut entries = self.merged(entries);
                    // What is merged into the file's own structure is not seen.
                    if self.open.is_empty() {
                        entries.truncate(entries.len() - std::mem::take(&mut self.merges));
                    }
                    let value = tag::map(entries, tag.as_ref()).map_err(|message| refused(at, message))?;
                    self.close(Node::new(at, value), anchor);
                }
            }
            Event::Alias(id) => {
                let value = self.anchors.get(&id).map(|node| node.value.clone());
                let node = match value {
                    Some(value) => Node { at, value },
                    None => Node::new(at, Value::Endless),
                };
                self.close(node, 0);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the next node is a key.
    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map(.., None)))
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(.., items)) => items.push(node),
            Some(Open::Map(.., entries, key)) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }

    /// Finds duplicate keys, and puts in what `<<` merges: own keys come first, then earlier merges.
    fn merged(&mut self, entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
        let mut seen = HashMap::new();
        let mut own = Vec::with_capacity(entries.len());
        let mut merges = Vec::new();
        for (key, value) in entries {
            let is_merge = key.text() == Some("<<") && self.merge_keys.contains(&key.at);
            let name = if is_merge {
                "merge".to_owned()
            } else {
                key.identity()
            };
            if !key.can_be_key() {
                let message = format!("{} of lists, mappings or sets is no key", key.sort());
                self.faults.push(Fault::new(Rule::Yaml, key.at, message));
            } else if let Some(first) = seen.insert(name, key.at) {
                self.faults.push(Fault::new(
                    Rule::DuplicateKey,
                    key.at,
                    format!("the key `{}` stands here again, first at {first}", key.name()),
                ));
            } else if is_merge {
                merges.push(value);
            } else {
                own.push((key, value));
            }
        }
        let before = own.len();
        self.merges = 0;
        if merges.is_empty() {
            return own;
        }
        let mut names: HashSet<String> = own.iter().map(|(key, _)| key.identity()).collect();
        for value in merges {
            let sources = match &*value.value {
                Value::List(items) => items.clone(),
                _ => vec![value],
            };
            for source in sources {
                let Some(entries) = source.map() else {
                    self.faults
                        .push(Fault::new(Rule::Yaml, source.at, "`<<` merges mappings only"));
                    continue;
                };
                for (key, value) in entries {
                    if names.insert(key.identity()) {
                        own.push((key.clone(), value.clone()));
                    }
                }
            }
        }
        self.merges = own.len() - before;
        own
    }
}

fn owned(tag: Option<Cow<'_, Tag>>) -> Option<Tag> {
    tag.map(Cow::into_owned)
}

fn refused(at: Place, message: String) -> Vec<Fault> {
    vec![Fault::new(Rule::Yaml, at, message)]
}
