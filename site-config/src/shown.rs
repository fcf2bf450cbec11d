//! The one door through which text of others goes to a terminal, a log or a file of figures: nothing in it can move the
//! cursor, begin a line of its own or turn round what stands beside it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a character does something other than be shown: control characters (line breaks among them), marks that change
/// the direction of writing, separators of lines and paragraphs.
fn acts(c: char) -> bool {
    c.is_control() || turns(c)
}

/// The same without the control characters of ASCII.
fn turns(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// The text in one line, with `\u{…}` for every character that does something other than be shown.
///
/// ```
/// assert_eq!(site_config::shown("a\nComplete\u{1b}[31m\u{202e}"), r"a\u{a}Complete\u{1b}[31m\u{202e}");
/// assert_eq!(site_config::shown("Grün 東京"), "Grün 東京");
/// ```
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// JSON in which such characters are escaped too; what it says is the same.
///
/// ```
/// assert_eq!(site_config::shown_json("[\"a\u{202e}b\"]"), r#"["a\u202eb"]"#);
/// ```
#[must_use]
pub fn shown_json(text: &str) -> Cow<'_, str> {
    let acts = |c: char| turns(c) || c == '\u{7f}';
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            // All of them lie in the basic plane.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A writer of lines that are whole when they come, as those of a log: of what they hold only the last line break acts.
#[derive(Debug)]
pub struct ShownLines<W>(pub W);

impl<W: Write> Write for ShownLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (&*text, ""),
        };
        self.0.write_all(shown(line).as_bytes())?;
        self.0.write_all(end.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_goes_through() {
        for c in ('\0'..='\u{ffff}').filter(|c| acts(*c)) {
            let text = format!("a{c}b");
            assert!(!shown(&text).chars().any(acts), "{c:?}");
            assert!(!shown_json(&text).chars().any(|c| turns(c) || c == '\u{7f}'));
        }
    }

    #[test]
    fn a_line_of_a_log_stays_one_line() {
        let mut lines = ShownLines(Vec::new());
        lines.write_all(b"WARN a\nINFO Complete\n").expect("memory");
        assert_eq!(lines.0, b"WARN a\\u{a}INFO Complete\n");
    }
}
