//! Lists of ids as people write them: which line of a text holds which ids, and which lines cannot be meant.
//!
//! An id that is read wrongly is another patient or nobody, so a line is read right or refused by its number.

use table_description::reference::{Home, IdRule, OwnBases, listed_id, literal};

/// Why a text of a list is no id. The text itself is not repeated, since it may be a patient's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdFault {
    /// Neither an id nor a reference to the type that the list is of.
    NoId,
    /// A reference under a base URL that is not ours: its id says nothing about our server's resources.
    Elsewhere,
}

impl IdFault {
    /// What was expected instead, for the end of a sentence.
    #[must_use]
    pub fn expected(self, resource: &str) -> String {
        match self {
            Self::NoId => {
                format!(
                    "expected one FHIR id or {resource}/id, several separated by commas; a comment begins with a blank and #"
                )
            }
            Self::Elsewhere => format!(
                "a {resource} of another server; write the id alone, or name its base URL in FHIR_SERVER_ALIASES"
            ),
        }
    }
}

/// The id that one text of a list means: an id alone, or a reference to the type in any form, under a base of ours.
///
/// # Errors
/// When it means nothing, something else, or a resource of another server.
pub fn id_in_list<'t>(text: &'t str, resource: &str, ours: &OwnBases) -> Result<&'t str, IdFault> {
    let text = text.trim_matches(is_around);
    // A server may have odd ids, but quotes around one were meant to hold it.
    let id = listed_id(text, resource, IdRule::Odd).filter(|id| !id.contains('\''));
    let id = id.ok_or(IdFault::NoId)?;
    match literal(text, IdRule::Odd).map(|found| ours.home(&found)) {
        Some(Home::Elsewhere(_)) => Err(IdFault::Elsewhere),
        _ => Ok(id),
    }
}

/// The ids of one line, separated by commas.
///
/// # Errors
/// The first item that is no id, as [`id_in_list`]; a line of commas alone.
pub fn ids_in_line<'t>(line: &'t str, resource: &str, ours: &OwnBases) -> Result<Vec<&'t str>, IdFault> {
    let items = line.split(',').map(|item| item.trim_matches(is_around));
    let ids: Result<Vec<_>, _> = items
        .filter(|item| !item.is_empty())
        .map(|item| id_in_list(item, resource, ours))
        .collect();
    ids.and_then(|ids| {
        if ids.is_empty() {
            Err(IdFault::NoId)
        } else {
            Ok(ids)
        }
    })
}

/// The lines of a list that hold something, each with its number counted from 1; without byte order mark, comments and
/// blanks around. Lines end as on any system, and a comment begins with `#` at the start or behind a blank.
pub fn lines_of_list(text: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(text).filter_map(|(number, line)| {
        let line = before_comment(line).trim_matches(is_around);
        (!line.is_empty()).then_some((number, line))
    })
}

/// The same with comments, for lines in which `#` may stand in quotes.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut number = 0;
    let mut was_return = false;
    text.split_inclusive(['\n', '\r']).filter_map(move |line| {
        // The line feed of a carriage return and line feed ends no line of its own.
        if line == "\n" && std::mem::take(&mut was_return) {
            return None;
        }
        was_return = line.ends_with('\r');
        number += 1;
        Some((number, line.trim_matches(is_around)))
    })
}

fn before_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && is_around(before) {
            return &line[..at];
        }
        before = c;
    }
    line
}

/// Blanks and marks without width, which editors and spreadsheets leave around what is meant.
fn is_around(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Characters that nobody sees; within a name they make another one that looks the same.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(line: &str) -> Result<Vec<&str>, IdFault> {
        let ours = OwnBases::new(["https://h/fhir", "http://inner:8080/fhir"]).expect("bases");
        ids_in_line(line, "Patient", &ours)
    }

    #[test]
    fn an_id_is_read_right_or_refused() {
        let right: [(&str, &[&str]); 9] = [
            ("p1", &["p1"]),
            ("Patient/p1", &["p1"]),
            ("Patient/p1/_history/2", &["p1"]),
            ("https://h/fhir/Patient/p1", &["p1"]),
            ("http://inner:8080/fhir/Patient/p1/_history/3", &["p1"]),
            ("\u{feff}p1", &["p1"]),
            ("p1\u{200b}", &["p1"]),
            ("p1, p2", &["p1", "p2"]),
            ("Patient/p1,p_2,", &["p1", "p_2"]),
        ];
        for (line, expected) in right {
            assert_eq!(ids(line).as_deref(), Ok(expected), "{line:?}");
        }
        let refused = [
            "",
            ",",
            "Patient/",
            "F#2",
            "p1;x",
            "p1 p2",
            "p\u{200b}1",
            "Encounter/p1",
            "Group/1/Patient",
            "Patient?identifier=1",
            "p1|x",
            "'p1'",
            "Patient/p1/$everything",
            "p1, p 2",
            "_history/2",
        ];
        for line in refused {
            assert_eq!(ids(line), Err(IdFault::NoId), "{line:?}");
        }
        assert_eq!(
            ids("https://old.example/fhir/Patient/p1"),
            Err(IdFault::Elsewhere)
        );
    }

    #[test]
    fn lines_end_as_on_every_system_and_comments_need_a_blank() {
        let expected = [(1, "a"), (3, "b"), (4, "c#d"), (5, "e")];
        for end in ["\n", "\r\n", "\r"] {
            let text = ["\u{feff}a", "# nothing", " b # comment", "c#d", "e"].join(end);
            assert_eq!(lines_of_list(&text).collect::<Vec<_>>(), expected, "{end:?}");
        }
        assert_eq!(
            lines_of_list("a\n\n\r\r\nb").collect::<Vec<_>>(),
            [(1, "a"), (5, "b")]
        );
    }
}
