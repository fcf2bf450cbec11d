//! Text of others (file names, DICOM values) on its way to a terminal, a log or a page.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with control characters, bidirectional marks and line breaks written as `\u{…}`, so that a name cannot
/// move the cursor or look like another line.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_active(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_active(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text for HTML: the same, with markup written as entities.
#[must_use]
pub(crate) fn html(text: &str) -> String {
    quick_xml::escape::escape(shown(text)).into_owned()
}

/// A number of bytes for people: three digits and a unit of 1,000.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut unit = 0;
    let mut power = 1_u64;
    while unit + 1 < UNITS.len() && count / power >= 1_000 {
        unit += 1;
        power = power.saturating_mul(1_000);
    }
    let (whole, tenth) = (count / power, count % power * 10 / power);
    match unit {
        0 => format!("{count} B"),
        _ if whole >= 100 => format!("{whole} {}", UNITS[unit]),
        _ => format!("{whole}.{tenth} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_characters_are_written_out() {
        assert_eq!(shown("a'b ü.csv"), "a'b ü.csv");
        assert_eq!(shown("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\u{a}\\u{202e}c");
        assert_eq!(html("<b>\"&'"), "&lt;b&gt;&quot;&amp;&apos;");
    }

    #[test]
    fn bytes_have_three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1.5 kB"),
            (123_456_789, "123 MB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
