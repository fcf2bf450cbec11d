use super::{DefectKind, scan::refusal};

/// Reads a boolean: `true` and `false` in any case, and the capital letters `T` and `F`.
///
/// The single letters are taken because the original chain takes them; `t`, `1`, `yes` are defects there as here.
/// Source: <https://hl7.org/fhir/R4/datatypes.html#boolean> (R4).
///
/// # Errors
/// [`DefectKind::NotABoolean`], [`DefectKind::Empty`] or [`DefectKind::SeveralValues`].
pub fn parse_boolean(text: &str) -> Result<bool, DefectKind> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => careful(text),
    }
}

#[cold]
fn careful(text: &str) -> Result<bool, DefectKind> {
    let text = text.trim_ascii();
    if text == "T" || text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text == "F" || text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(refusal(text).unwrap_or(DefectKind::NotABoolean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, expected) in [
            ("true", Ok(true)),
            ("True", Ok(true)),
            ("tRUE", Ok(true)),
            ("T", Ok(true)),
            (" true ", Ok(true)),
            ("false", Ok(false)),
            ("FALSE", Ok(false)),
            ("F", Ok(false)),
            ("t", Err(DefectKind::NotABoolean)),
            ("0", Err(DefectKind::NotABoolean)),
            ("yes", Err(DefectKind::NotABoolean)),
            ("", Err(DefectKind::Empty)),
            ("true ~ false", Err(DefectKind::SeveralValues)),
        ] {
            assert_eq!(parse_boolean(text), expected, "{text:?}");
        }
    }
}
