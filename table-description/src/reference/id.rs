//! Ids and type names of resources: which texts are one.

/// Which texts count as the id of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IdRule {
    /// FHIR's own: 1 to 64 of `A-Z a-z 0-9 - .`. Source: <https://hl7.org/fhir/R4/datatypes.html#id> (R4).
    #[default]
    Legal,
    /// For servers that do not keep to it: up to 255 bytes without blanks, controls, invisible characters and those that
    /// mean something in a URL or a list of ids (`/ ? # , ; | & $ \ " < > [ ] { }`), and not `_history`.
    Odd,
}

impl IdRule {
    /// Whether this text is one id.
    #[must_use]
    pub fn allows(self, text: &str) -> bool {
        match self {
            Self::Legal => {
                (1..=64).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
            }
            Self::Odd => {
                (1..=255).contains(&text.len()) && text != "_history" && text.chars().all(is_allowed_in_odd)
            }
        }
    }
}

/// Characters of odd ids. Outside ASCII letters and digits only, since the rest has blanks and marks that nobody sees.
fn is_allowed_in_odd(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_graphic()
            && !matches!(
                c,
                '/' | '?'
                    | '#'
                    | ','
                    | ';'
                    | '|'
                    | '&'
                    | '$'
                    | '\\'
                    | '"'
                    | '<'
                    | '>'
                    | '['
                    | ']'
                    | '{'
                    | '}'
            )
    } else {
        c.is_alphanumeric()
    }
}

/// Whether a text has the form of a resource type: ASCII letters, the first one upper case, at most 64.
///
/// The form only: types of other releases of FHIR are types too.
#[must_use]
pub fn is_resource_type(text: &str) -> bool {
    text.len() <= 64
        && text.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        && text.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let long = "x".repeat(65);
        let too_long = "x".repeat(256);
        for (text, legal, odd) in [
            ("p1", true, true),
            ("a-b.c", true, true),
            (".", true, true),
            ("p_1", false, true),
            ("P:1|2", false, false),
            ("P:1", false, true),
            ("ü1", false, true),
            ("p1,p2", false, false),
            ("p1;x", false, false),
            ("[Ward]", false, false),
            ("p 1", false, false),
            ("p\u{200b}1", false, false),
            ("p\u{feff}", false, false),
            ("p\u{a0}", false, false),
            ("_history", false, false),
            ("$everything", false, false),
            (long.as_str(), false, true),
            (too_long.as_str(), false, false),
            ("", false, false),
        ] {
            assert_eq!(IdRule::Legal.allows(text), legal, "{text:?}");
            assert_eq!(IdRule::Odd.allows(text), odd, "{text:?}");
        }
    }

    #[test]
    fn types() {
        for (text, expected) in [
            ("Patient", true),
            ("fhir", false),
            ("Bed 4", false),
            ("", false),
            ("Ärzte", false),
        ] {
            assert_eq!(is_resource_type(text), expected, "{text}");
        }
    }
}
