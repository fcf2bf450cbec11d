//! What a cell of a description may say. Each function gives what was expected as the error.

use crate::{ElementPath, FhirType, MeltMode, sheet::Row};

pub(crate) fn fhir_type(text: &str) -> Result<FhirType, String> {
    FhirType::from_word(text).ok_or_else(|| {
        let words: Vec<&str> = FhirType::ALL.iter().map(|t| t.as_str()).collect();
        format!("one of {} or an empty cell, not {text:?}", words.join(", "))
    })
}

pub(crate) fn sql_type(text: &str) -> Result<FhirType, String> {
    FhirType::from_sql_type(text).ok_or_else(|| {
        let words: Vec<&str> = FhirType::ALL.iter().map(|t| t.sql_type()).collect();
        format!("one of {}, not {text:?}", words.join(", "))
    })
}

pub(crate) fn path(text: &str) -> Result<(), String> {
    if text
        .split('/')
        .any(|segment| segment.is_empty() || !segment.bytes().all(|b| b.is_ascii_graphic()))
    {
        // Escaped, so that a character that nobody sees is seen.
        return Err(format!(
            "element names separated by single slashes, not \"{}\"",
            text.escape_default()
        ));
    }
    Ok(())
}

/// Whether repetitions are joined; `None` for the empty cell, which leaves it to [`joined_by_rule`].
pub(crate) fn joined(text: &str) -> Result<Option<bool>, String> {
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        _ => Err(format!("yes, no or an empty cell, not {text:?}")),
    }
}

/// Given names are one value to everyone who reads the tables, however many there are.
pub(crate) fn joined_by_rule(path: &str) -> bool {
    path == "name/given"
}

/// `product`, `aligned`, `child`, or `only` with the paths that melt.
pub(crate) fn melt_mode(text: &str) -> Result<MeltMode, String> {
    let mut words = words(text).into_iter();
    let first = words.next().unwrap_or_default();
    let paths: Vec<ElementPath> = words.map(ElementPath::new).collect();
    match (first.to_ascii_lowercase().as_str(), paths.is_empty()) {
        ("" | "product", true) => Ok(MeltMode::Product),
        ("aligned", true) => Ok(MeltMode::Aligned),
        ("child", true) => Ok(MeltMode::Child),
        ("only", _) => Ok(MeltMode::Only(paths)),
        _ => Err(format!(
            "product, aligned, child, or only with paths, not {text:?}"
        )),
    }
}

/// The cell [`melt_mode`] reads; empty for the default.
pub(crate) fn melt_text(mode: &MeltMode) -> String {
    match mode {
        MeltMode::Product => String::new(),
        MeltMode::Aligned => "aligned".to_owned(),
        MeltMode::Child => "child".to_owned(),
        MeltMode::Only(paths) => paths
            .iter()
            .fold("only".to_owned(), |text, path| format!("{text} {path}")),
    }
}

/// Words separated by blanks, commas or semicolons.
pub(crate) fn words(text: &str) -> Vec<String> {
    let separators = |c: char| c.is_whitespace() || c == ',' || c == ';';
    text.split(separators)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a name marks a column that is calculated from others and never in a resource.
pub(crate) fn is_calculated(name: &str) -> bool {
    name.contains("_calculated_ref")
}

/// Whether the first text of the row makes it a comment.
pub(crate) fn is_comment(row: &Row) -> bool {
    row.first_text().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn melt_modes_read_back() {
        for text in ["", "aligned", "child", "only", "only identifier code/coding"] {
            assert_eq!(melt_text(&melt_mode(text).unwrap()), text);
        }
        assert_eq!(melt_mode("Product").unwrap(), MeltMode::Product);
        assert!(melt_mode("both").is_err() && melt_mode("child identifier").is_err());
    }

    #[test]
    fn words_and_paths() {
        assert_eq!(words(" A, B;C\tD "), ["A", "B", "C", "D"]);
        for bad in [
            "",
            "/a",
            "a//b",
            "a/",
            "a b",
            "a\u{200b}",
            "\u{feff}a/b",
            "a/\u{ad}b",
            "ä",
        ] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert!(path("a/b").is_ok());
    }
}
