//! When a field is shown: `[a] = '1' and ([b(2)] = '1' or [c] <> "")`.
//!
//! Evaluated as far as it depends on fields of the record; what it does not (functions, smart variables, other events) leaves
//! the field shown, since hiding a field that should be filled loses more than showing one that need not be.

mod condition;
mod parser;
mod token;

use std::fmt;

use condition::Condition;
use parser::Parser;

/// A condition on other fields.
#[derive(Clone, PartialEq, Eq)]
pub struct Branching {
    text: String,
    condition: Condition,
}

/// What is wrong with a condition; positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchingFault {
    /// Where in the text.
    pub position: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Debug for Branching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Branching").field(&self.text).finish()
    }
}

impl Branching {
    /// Reads a condition.
    ///
    /// # Errors
    /// Where brackets, quotes or operands are missing.
    pub fn read(text: &str) -> Result<Self, BranchingFault> {
        let tokens = token::read(text)?;
        let condition = Parser::new(&tokens, text.chars().count() + 1).whole()?;
        Ok(Self {
            text: text.to_owned(),
            condition,
        })
    }

    /// The condition as the dictionary has it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names of the fields it looks at.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.condition.fields(&mut names);
        names
    }

    /// Whether the field is shown where `value` tells the raw value of a field, or of an option of a checkbox (`1` where it
    /// is ticked).
    pub fn shows(&self, value: &dyn Fn(&str, Option<&str>) -> Option<String>) -> bool {
        self.condition.holds(value).unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> bool {
        let value = |name: &str, option: Option<&str>| match (name, option) {
            ("a", None) => Some("1".to_owned()),
            ("n", None) => Some("12.5".to_owned()),
            ("t", None) => Some("it's".to_owned()),
            ("b", Some("2")) => Some("1".to_owned()),
            _ => None,
        };
        Branching::read(text).unwrap().shows(&value)
    }

    #[test]
    fn conditions_hold_as_the_frontend_evaluates_them() {
        for (text, wanted) in [
            ("[a] = '1'", true),
            ("[a]=\"2\"", false),
            ("[A] = 1", true),
            ("[a] = '1' and [b(2)] = '1'", true),
            ("[b(1)] = '1'", false),
            ("[b(1)] = '0'", true),
            ("[c] = ''", true),
            ("[c] <> ''", false),
            ("[n] > 9", true),
            ("[n] >= '12.5' and [n] <= 12.5 and [n] < 100", true),
            ("[c] < 5", false),
            ("[a] = '2' or ([a] = '1' and [n] != '')", true),
            ("not ([a] = '1')", false),
            ("[t] = \"it's\"", true),
            ("[n] > -1", true),
            // What cannot be known here does not hide a field, but what is false does.
            ("datediff([a], 'today', 'd') > 3", true),
            ("[user-name] = 'x' and [a] = '2'", false),
            ("[a] + 1 = 2", true),
            ("[event_1][a] = '9'", true),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn faults_say_where() {
        for (text, position, expected) in [
            ("[a = '1'", 1, "a closing bracket"),
            ("[a] = '1", 7, "a closing quote"),
            ("([a] = '1'", 11, "a closing parenthesis"),
            ("[a] = ", 7, "a field or a value"),
            ("[a] = '1' and", 14, "a field or a value"),
            ("[a] = '1' [b]) ", 11, "an operator or the end"),
            ("[a] ; 2", 5, "a field, a value or an operator"),
        ] {
            let fault = Branching::read(text).unwrap_err();
            assert_eq!((fault.position, fault.expected), (position, expected), "{text}");
        }
        assert!(Branching::read(&"(".repeat(100_000)).is_err());
        assert!(Branching::read(&"not ".repeat(100_000)).is_err());
    }
}
