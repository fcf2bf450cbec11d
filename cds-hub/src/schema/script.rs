use std::fmt::Write as _;

/// SQL statements in the order they have to run, under headings for a reader.
#[derive(Clone, Debug, Default)]
pub struct Script {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Heading(String),
    /// Without the closing semicolon.
    Statement(String),
}

impl Script {
    pub(crate) fn heading(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Heading(text.into()));
    }

    pub(crate) fn push(&mut self, statement: impl Into<String>) {
        let mut statement = statement.into();
        let end = statement.trim_end().trim_end_matches(';').trim_end().len();
        statement.truncate(end);
        self.parts.push(Part::Statement(statement));
    }

    /// Adds all of another script.
    pub(crate) fn append(&mut self, other: Self) {
        self.parts.extend(other.parts);
    }

    /// Adds statements that are kept as a file.
    pub(crate) fn file(&mut self, heading: &str, text: &str) {
        self.heading(heading);
        self.push(text);
    }

    /// How many statements there are; a file counts as one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.statements().count()
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The statements without their closing semicolons.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|p| match p {
            Part::Statement(sql) => Some(sql.as_str()),
            Part::Heading(_) => None,
        })
    }

    /// Qualified names of the views the statements make.
    pub(crate) fn views(&self) -> impl Iterator<Item = &str> {
        self.statements()
            .filter_map(|s| Some(s.strip_prefix("CREATE VIEW ")?.split_once(" AS")?.0))
    }

    /// The whole as text that psql runs in one transaction.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from("BEGIN;\n");
        let mut above = "";
        for part in &self.parts {
            match part {
                Part::Heading(heading) => {
                    let _ = write!(text, "\n-- {heading}\n");
                }
                Part::Statement(sql) => {
                    // An empty line sets off what takes several lines.
                    if (sql.contains('\n') || above.contains('\n'))
                        && !text.ends_with("\n\n")
                        && !above.is_empty()
                    {
                        text.push('\n');
                    }
                    text.push_str(sql);
                    text.push_str(";\n");
                }
            }
            above = match part {
                Part::Heading(_) => "",
                Part::Statement(sql) => sql,
            };
        }
        text.push_str("\nCOMMIT;\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_flat_and_each_statement_ends_once() {
        let mut script = Script::default();
        script.heading("first");
        script.push("SELECT 1;");
        script.push("SELECT 2\n  ;\n");
        script.push("SELECT\n  3");
        assert_eq!(
            script.text(),
            "BEGIN;\n\n-- first\nSELECT 1;\nSELECT 2;\n\nSELECT\n  3;\n\nCOMMIT;\n"
        );
        assert_eq!(script.len(), 3);
    }
}
