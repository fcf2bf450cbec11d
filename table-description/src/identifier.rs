//! Names of tables and columns: they become names of files and of objects in a database, and parts of SQL.

/// Whether a text may be the name of a table or column: ASCII letters, digits and `_`, not beginning with a digit.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// What is expected of a name that is none; `None` for a good one.
pub(crate) fn fault_of(what: &str, text: &str) -> Option<String> {
    (!is_identifier(text)).then(|| format!("{what} of letters, digits and _ only, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["patient", "Patient", "pat_id", "_x1"] {
            assert!(is_identifier(good), "{good}");
        }
        for bad in [
            "",
            "1a",
            "../../x",
            "a b",
            "a\u{200b}",
            "ä",
            "a;b",
            "a\"b",
            "a.b",
            "C:x",
        ] {
            assert!(fault_of("a name", bad).is_some(), "{bad}");
        }
    }
}
