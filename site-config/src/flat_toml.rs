//! TOML files whose sections are only decoration: all keys land in one name space.
//!
//! The configuration files of the tool chain are read this way: tables and dotted keys are flattened, the last part
//! of a key is its name, and a later key overwrites an earlier one of the same name. [`FlatToml`] reads and merges
//! such files and remembers where each key stands; [`crate::Reader`] turns keys into typed values and collects every
//! [`Fault`], so that a user sees all of them at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, TableLike, Value};

use crate::{Fault, Place};

/// One key's value and where it stands.
#[derive(Clone)]
pub struct Entry {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

impl Entry {
    /// File and line of the key.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the value switches something off: `false` or an empty text.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.value.as_bool() == Some(false) || self.value.as_str() == Some("")
    }

    /// The strings of a list; `None` if this is no list or one of its items is no string.
    #[must_use]
    pub fn strings(&self) -> Option<Vec<&str>> {
        self.value.as_array()?.iter().map(Value::as_str).collect()
    }
}

/// All keys of one or several files in one name space.
#[derive(Clone, Default)]
pub struct FlatToml {
    entries: BTreeMap<String, Entry>,
}

impl FlatToml {
    /// The keys of this text; `file` is only used to say where something stands.
    ///
    /// # Errors
    /// When the text is not TOML: what the parser says, with the line, counted from 1.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Fault> {
        let text = text.trim_start_matches('\u{feff}');
        let lines = Lines::new(text);
        let document = Document::parse(text).map_err(|e| {
            let line = lines.of(e.span().map_or(0, |s| s.start));
            // The first line of the message only: later ones could quote the text.
            Fault::at(
                Place::new(file, line),
                e.message().lines().next().unwrap_or("not TOML"),
            )
        })?;
        let mut found = Vec::new();
        flatten(document.as_table(), &mut found);
        // Tables may be written in pieces, so the order of the text decides what is later, not that of the tree.
        found.sort_by_key(|(_, _, at)| *at);
        let entries = found
            .into_iter()
            .map(|(key, value, at)| {
                (
                    key,
                    Entry {
                        value,
                        place: Place::new(file, lines.of(at)),
                    },
                )
            })
            .collect();
        Ok(Self { entries })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When the file cannot be read, is not UTF-8 or is not TOML.
    pub fn read(file: &Path) -> Result<Self, Fault> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| Fault::at(Place::new(file, 0), format!("cannot be read: {}", e.kind())))?;
        Self::parse(&text, file)
    }

    /// Lays the keys of `over` over these.
    pub fn merge(&mut self, over: Self) {
        self.entries.extend(over.entries);
    }

    /// The entry of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All keys in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The text of this key, if it has one.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.value.as_str()
    }

    /// All keys that start with this prefix, in order of file and line.
    #[must_use]
    pub fn family(&self, prefix: &str) -> Vec<(&str, &Entry)> {
        let mut members: Vec<_> = self
            .entries
            .iter()
            .filter(|(k, _)| k.starts_with(prefix))
            .map(|(k, e)| (k.as_str(), e))
            .collect();
        members.sort_by(|a, b| a.1.place.cmp(&b.1.place));
        members
    }
}

/// Resolves a path of a configuration file: as it is where that exists, else beside the file that names it.
///
/// The original resolves against the working directory; the second try makes a folder of configuration movable.
#[must_use]
pub fn resolve(path: &str, named_in: &Path) -> PathBuf {
    let plain = PathBuf::from(path);
    if plain.is_absolute() || plain.exists() {
        return plain;
    }
    match named_in.parent() {
        Some(folder) => folder.join(plain),
        None => plain,
    }
}

fn flatten(table: &dyn TableLike, found: &mut Vec<(String, Value, usize)>) {
    for (name, item) in table.iter() {
        match item {
            Item::Table(inner) => flatten(inner, found),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|t| flatten(t, found)),
            Item::Value(Value::InlineTable(inner)) => flatten(inner, found),
            Item::Value(value) => {
                let at = table
                    .key(name)
                    .and_then(toml_edit::Key::span)
                    .or_else(|| value.span());
                found.push((name.to_owned(), value.clone(), at.map_or(0, |s| s.start)));
            }
            Item::None => {}
        }
    }
}

/// Where the lines of a text start.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(
            std::iter::once(0)
                .chain(
                    text.bytes()
                        .enumerate()
                        .filter(|(_, b)| *b == b'\n')
                        .map(|(i, _)| i + 1),
                )
                .collect(),
        )
    }

    /// The line of a byte offset, counted from 1.
    fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> FlatToml {
        FlatToml::parse(text, Path::new("x.toml")).unwrap()
    }

    #[test]
    fn sections_are_decoration() {
        let toml = parsed(
            "A = 1\n[one]\nB = \"b\"\n[one.two]\nC = [\"c\"]\nd.D = true\nE = { F = 2 }\n[[list]]\nG = 3\n",
        );
        assert_eq!(toml.keys().collect::<Vec<_>>(), ["A", "B", "C", "D", "F", "G"]);
        assert_eq!(toml.get("C").unwrap().place().line(), 5);
    }

    #[test]
    fn the_later_key_of_the_text_wins() {
        let toml = parsed("[a]\nK = \"first\"\n[b]\nK = \"second\"\n[a.c]\nK = \"third\"\n");
        assert_eq!(toml.text("K"), Some("third"));
        assert_eq!(toml.get("K").unwrap().place().line(), 6);
    }

    #[test]
    fn a_second_file_is_laid_over() {
        let mut toml = parsed("K = \"a\"\nL = \"b\"");
        toml.merge(FlatToml::parse("\nK = \"c\"", Path::new("y.toml")).unwrap());
        assert_eq!((toml.text("K"), toml.text("L")), (Some("c"), Some("b")));
        assert_eq!(toml.get("K").unwrap().place().to_string(), "y.toml:2");
    }

    #[test]
    fn a_fault_of_form_names_the_line() {
        let fault = FlatToml::parse("A = 1\nB = \"secret\n", Path::new("x.toml"))
            .err()
            .unwrap();
        assert!(fault.to_string().starts_with("x.toml:2: "), "{fault}");
        assert!(!fault.to_string().contains("secret"));
    }

    #[test]
    fn a_byte_order_mark_and_windows_lines_do_no_harm() {
        let toml = parsed("\u{feff}A = 1\r\nB = \"b\"\r\n");
        assert_eq!(toml.text("B"), Some("b"));
        assert_eq!(toml.get("B").unwrap().place().line(), 2);
    }
}
