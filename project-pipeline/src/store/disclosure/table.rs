//! CSV tables.

use super::{Finding, Rules, content};

/// A reader of delimited text: quotes, doubled quotes, any line ends.
#[derive(Debug)]
pub struct Table<'a> {
    rest: &'a str,
    delimiter: char,
}

impl<'a> Table<'a> {
    /// Reads a text; the delimiter is the one of `,` `;` tab and `|` that its first line has most of.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let mut delimiter = ',';
        for candidate in [';', '\t', '|'] {
            if first.matches(candidate).count() > first.matches(delimiter).count() {
                delimiter = candidate;
            }
        }
        Self {
            rest: text,
            delimiter,
        }
    }
}

impl Iterator for Table<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut cells = vec![String::new()];
        let mut quoted = false;
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let cell = cells.last_mut()?;
            if quoted {
                match c {
                    '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                        cell.push('"');
                        chars.next();
                    }
                    '"' => quoted = false,
                    c => cell.push(c),
                }
            } else if c == '"' && cell.is_empty() {
                quoted = true;
            } else if c == self.delimiter {
                cells.push(String::new());
            } else if c == '\n' || c == '\r' {
                let end = if c == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n') {
                    at + 2
                } else {
                    at + 1
                };
                self.rest = &self.rest[end..];
                return Some(cells);
            } else {
                cell.push(c);
            }
        }
        self.rest = "";
        Some(cells)
    }
}

/// Looks at a table: rows, names of identifiers in any cell, small counts.
pub(super) fn examine(bytes: &[u8], rules: &Rules) -> Finding {
    let mut finding = Finding::default();
    if let Some(why) = content::not_text(bytes, rules) {
        finding.held = Some(why);
        return finding;
    }
    let text = String::from_utf8_lossy(bytes);
    let mut rows = 0;
    let mut header = true;
    for cells in Table::new(&text) {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if let Some(name) = identifier(&cells, rules) {
            finding.held.get_or_insert(format!("it has the column {name}"));
        }
        if header {
            finding.columns = Some(cells.len() as u64);
            header = false;
            continue;
        }
        rows += 1;
        finding.small_cells += cells.iter().filter(|cell| is_small(cell, rules)).count() as u64;
    }
    finding.rows = Some(rows);
    if rows > rules.most_rows {
        finding
            .held
            .get_or_insert(format!("it has {rows} rows, the most are {}", rules.most_rows));
    }
    finding
}

/// Why a text that is a table in all but its name must not be seen: its first lines have the same number of delimiters.
pub(super) fn hidden_in_text(bytes: &[u8], rules: &Rules) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(5)
        .collect();
    let like = |delimiter: char| {
        let count = |line: &&str| line.matches(delimiter).count();
        lines.len() == 5 && count(&lines[0]) > 0 && lines.iter().all(|line| count(line) == count(&lines[0]))
    };
    if [',', ';', '\t', '|'].into_iter().any(like) {
        examine(bytes, rules).held
    } else {
        None
    }
}

pub(super) fn identifier(cells: &[String], rules: &Rules) -> Option<String> {
    cells.iter().find_map(|cell| {
        let cell = cell.trim().trim_matches(['"', '\'', '`']).trim();
        rules
            .identifiers
            .iter()
            .find(|name| name.eq_ignore_ascii_case(cell))
            .cloned()
    })
}

/// A whole number from 1 to below the threshold; `3.0` is one.
pub(super) fn is_small(cell: &str, rules: &Rules) -> bool {
    let cell = cell.trim();
    let whole = cell.split_once('.').map_or(cell, |(whole, zeros)| {
        if zeros.bytes().all(|b| b == b'0') {
            whole
        } else {
            ""
        }
    });
    whole
        .parse::<u64>()
        .is_ok_and(|count| count > 0 && count < rules.small_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> Option<String> {
        examine(text.as_bytes(), &Rules::default()).held
    }

    #[test]
    fn tables_with_identifiers_are_held() {
        for text in [
            "patient_id,n\n1,2\n",
            "n;PATIENT_ID\n2;1\n",
            "\u{feff}\"pat_id\"\tn\r\n1\t2\r\n",
            "a comment\n\npatient_id,n\n1,2\n",
            "n, Patient_ID \n1,2\n",
        ] {
            assert_eq!(
                held(text)
                    .as_deref()
                    .map(|why| why.starts_with("it has the column")),
                Some(true),
                "{text}"
            );
        }
        assert_eq!(held("sex,n\nf,20\n"), None);
        assert_eq!(held("patient_ids_counted,n\n1,2\n"), None);
    }

    #[test]
    fn tables_are_known_by_any_name() {
        let hidden = |text: &str| hidden_in_text(text.as_bytes(), &Rules::default());
        let long = format!("g,n\n{}", "a,9\n".repeat(5001));
        assert!(hidden(&long).is_some_and(|why| why.contains("5001 rows")));
        assert_eq!(hidden(&"a line, perhaps, of text\n".repeat(100)), None);
        assert_eq!(hidden("one line\n"), None);
    }

    #[test]
    fn rows_and_small_cells_are_counted() {
        let finding = examine(b"g,n\n\"a\nb\",3\nc,5\nd,4.0\n\n", &Rules::default());
        assert_eq!(
            (finding.rows, finding.columns, finding.small_cells),
            (Some(3), Some(2), 2)
        );
        let long = format!("n\n{}", "9\n".repeat(5001));
        assert!(held(&long).is_some_and(|why| why.contains("5001 rows")));
        assert_eq!(held(&format!("n\n{}", "9\n".repeat(5000))), None);
    }
}
