//! Reads what [`Exposition`] writes, and what others write in the same format without moments.

use crate::exposition::{Labels, Samples};
use crate::family::is_name;
use crate::{Exposition, Fault};

impl Exposition {
    /// Reads a page.
    ///
    /// # Errors
    /// [`Fault`] with the line that is not in the format, names a sample twice, or belongs to no family that was announced.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let mut page = Self::default();
        for (i, line) in text.lines().enumerate() {
            page.line(line.trim_end())
                .map_err(|what| Fault { line: i + 1, what })?;
        }
        Ok(page)
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if let Some(comment) = line.strip_prefix('#') {
            return self.comment(comment.trim_start());
        }
        if line.is_empty() {
            return Ok(());
        }
        let end = line.find(['{', ' ']).ok_or("a name without a value")?;
        let (name, mut rest) = line.split_at(end);
        if !is_name(name.as_bytes()) {
            return Err("not a name of a metric");
        }
        let mut labels = Labels::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = read_labels(inner, &mut labels)?;
        }
        let value = number(rest.trim())?;
        let family = self.families.get_mut(name).filter(|f| !f.kind.is_empty());
        let family = family.ok_or("a metric without its TYPE before it")?;
        match family.values.insert(labels, value) {
            None => Ok(()),
            Some(_) => Err("the same sample twice"),
        }
    }

    fn comment(&mut self, comment: &str) -> Result<(), &'static str> {
        let (word, rest) = comment.split_once(' ').unwrap_or((comment, ""));
        if word != "HELP" && word != "TYPE" {
            return Ok(());
        }
        let (name, text) = rest.split_once(' ').ok_or("HELP or TYPE without a text")?;
        if !is_name(name.as_bytes()) {
            return Err("not a name of a metric");
        }
        let family = self.families.entry(name.to_owned()).or_default();
        if !family.values.is_empty() {
            return Err("HELP or TYPE behind the metric's values");
        }
        let Samples { kind, help, .. } = family;
        match word {
            "HELP" => *help = unescaped(text)?,
            _ if ["counter", "gauge"].contains(&text) => text.clone_into(kind),
            _ => return Err("neither a counter nor a gauge"),
        }
        Ok(())
    }
}

/// Reads labels up to the bracket; what stands behind it.
fn read_labels<'t>(mut text: &'t str, labels: &mut Labels) -> Result<&'t str, &'static str> {
    loop {
        text = text.trim_start_matches([' ', ',']);
        if let Some(rest) = text.strip_prefix('}') {
            return Ok(rest);
        }
        let (name, rest) = text.split_once('=').ok_or("a label without a value")?;
        if !is_name(name.as_bytes()) {
            return Err("not a name of a label");
        }
        let quoted = rest.strip_prefix('"').ok_or("a label's value without quotes")?;
        let end = closing(quoted).ok_or("quotes that do not end")?;
        if labels
            .insert(name.to_owned(), unescaped(&quoted[..end])?)
            .is_some()
        {
            return Err("the same label twice");
        }
        text = &quoted[end + 1..];
    }
}

/// Where the quotes end.
fn closing(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

fn unescaped(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => out.push(match characters.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                _ => return Err("an escape that is none"),
            }),
            c => out.push(c),
        }
    }
    Ok(out)
}

fn number(text: &str) -> Result<f64, &'static str> {
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        text if text.bytes().any(|b| b.is_ascii_digit()) => text.parse().map_err(|_| "not a number"),
        _ => Err("not a number"),
    }
}
