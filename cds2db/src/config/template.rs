//! Texts made from the keys: the default file and the reference.

use std::fmt::Write;

use super::keys::{Effect, KEYS, Key};

/// Width of the comment lines of the default file in characters.
const WIDTH: usize = 100;

/// The commented default file that `cds2db config init` writes.
#[must_use]
pub fn default_file() -> String {
    let mut out = String::from(
        "# Configuration of cds2db. Sections are only decoration: every key counts wherever it stands.\n",
    );
    let mut section = "";
    for key in KEYS.iter().filter(|k| !matches!(k.effect, Effect::None(_))) {
        if key.section != section {
            section = key.section;
            let _ = write!(out, "\n[{section}]\n");
        }
        let _ = write!(out, "\n{}", wrapped(key.text));
        let sign = if key.set { "" } else { "#" };
        let _ = writeln!(out, "{sign}{} = {}", example_name(key.name), key.literal);
    }
    out
}

/// A key's name; of a family, that of one member.
fn example_name(name: &str) -> String {
    match name.strip_suffix('*') {
        None => name.to_owned(),
        Some("DATA_IMPORT_PATH_TO_") => "DATA_IMPORT_PATH_TO_FHIR_PIDS".to_owned(),
        Some(prefix) if prefix.ends_with('_') => format!("{prefix}OBSERVATION"),
        Some(prefix) => format!("{prefix}_1"),
    }
}

/// The reference documentation: a Markdown table of every key, also of those without effect.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from("| key | default file | meaning |\n|---|---|---|\n");
    for key in KEYS {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} |",
            key.name,
            default_cell(key),
            meaning(key)
        );
    }
    out
}

fn default_cell(key: &Key) -> String {
    if key.set {
        format!("`{}`", key.literal)
    } else {
        "not set".to_owned()
    }
}

fn meaning(key: &Key) -> String {
    match key.effect {
        Effect::Read => key.text.to_owned(),
        Effect::Secret => format!("{} Never shown.", key.text),
        Effect::None(why) => format!("No effect: {why}."),
    }
}

fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut line = String::from("#");
    for word in text.split(' ') {
        if line.chars().count() + word.chars().count() + 1 > WIDTH {
            out.push_str(&line);
            out.push('\n');
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
    out
}
