use regex::{Regex, RegexBuilder};

/// A pattern and what it becomes in a column's name. Patterns are applied one after the other, each wherever it matches,
/// upper and lower case alike.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    pattern: Regex,
    /// In the spelling of the regex crate: `${1}` for the first group.
    text: String,
}

impl Replacement {
    /// `text` refers to groups as `\1`, the way the workbooks are written.
    pub(super) fn new(pattern: &str, text: &str) -> Result<Self, String> {
        let pattern = RegexBuilder::new(pattern)
            .case_insensitive(true)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| {
                error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or("it is not one")
                    .to_owned()
            })?;
        Ok(Self {
            pattern,
            text: groups(text),
        })
    }

    pub(super) fn apply(&self, name: String) -> String {
        match self.pattern.replace_all(&name, self.text.as_str()) {
            std::borrow::Cow::Owned(replaced) => replaced,
            std::borrow::Cow::Borrowed(_) => name,
        }
    }
}

/// `\1` as `${1}`, and a dollar as itself.
fn groups(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str("${");
                out.extend(chars.next());
                out.push('}');
            }
            ('$', _) => out.push_str("$$"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_all_matches_whatever_their_case() {
        for (pattern, text, name, expected) in [
            ("_coding_", "_", "a_coding_b_CODING_c", "a_b_c"),
            ("_reference$", "_ref", "a_reference_reference", "a_reference_ref"),
            ("^(a)_(b)", r"\2_\1", "a_b_c", "b_a_c"),
            ("x", "$1", "axb", "a$1b"),
            ("y", "z", "abc", "abc"),
        ] {
            assert_eq!(
                Replacement::new(pattern, text).unwrap().apply(name.to_owned()),
                expected
            );
        }
        assert!(Replacement::new("(", "").is_err());
    }
}
