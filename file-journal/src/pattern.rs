//! Patterns of a site's paths, such as `{patient_id:w}/Images/{filepath}`: which file belongs to whom, and where it lies
//! in the central store.

use regex::Regex;

/// A pattern with named fields. `{patient_id:w}` takes letters, digits and `_`, `:d` digits, without a kind anything but
/// `/`; `{version}` likewise; `{filepath}` takes what is left, `/` included. Letters outside fields match in either case.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    strict: Regex,
    loose: Regex,
}

/// What a path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// The path fits.
    Fits {
        /// The value of `{patient_id}`.
        patient: Option<String>,
        /// The value of `{version}`.
        version: Option<String>,
        /// The value of `{filepath}`.
        path: String,
    },
    /// The path has the pattern's shape, but a field holds what its kind does not take.
    Refused,
    /// The path has another shape.
    Other,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it: an unknown field or kind, a brace without its partner, no `{filepath}` at its end.
    pub fn new(text: &str) -> Result<Self, String> {
        let (mut strict, mut loose) = ("(?is)^".to_owned(), "(?is)^".to_owned());
        let mut seen = Vec::new();
        let mut rest = text.trim_start_matches("./").trim_start_matches('/');
        while let Some(open) = rest.find(['{', '}', '*']) {
            let literal = regex::escape(&rest[..open]);
            strict.push_str(&literal);
            loose.push_str(&literal);
            if rest[open..].starts_with('*') {
                strict.push_str("[^/]*");
                loose.push_str("[^/]*");
                rest = &rest[open + 1..];
                continue;
            }
            if rest[open..].starts_with('}') {
                return Err(format!(
                    "pattern `{text}`: a closing brace without an opening one"
                ));
            }
            let Some(close) = rest[open..].find('}') else {
                return Err(format!(
                    "pattern `{text}`: an opening brace without a closing one"
                ));
            };
            let field = &rest[open + 1..open + close];
            let (name, kind) = field.split_once(':').unwrap_or((field, ""));
            if seen.contains(&name) {
                return Err(format!("pattern `{text}`: {{{name}}} stands there twice"));
            }
            let (taken, shape) = match (name, kind) {
                ("filepath", "") => (".+", ".+"),
                ("patient_id" | "version", "") => ("[^/]+", "[^/]+"),
                ("patient_id" | "version", "w") => (r"\w+", "[^/]+"),
                ("patient_id" | "version", "d") => (r"\d+", "[^/]+"),
                ("filepath" | "patient_id" | "version", _) => {
                    return Err(format!("pattern `{text}`: {{{field}}}: a kind is `w` or `d`"));
                }
                _ => {
                    return Err(format!(
                        "pattern `{text}`: {{{field}}} is unknown; fields are {{patient_id}}, {{version}}, {{filepath}}"
                    ));
                }
            };
            strict.push_str(&format!("(?P<{name}>{taken})"));
            loose.push_str(shape);
            seen.push(name);
            rest = &rest[open + close + 1..];
        }
        if seen.last() != Some(&"filepath") || !rest.is_empty() {
            return Err(format!("pattern `{text}`: it ends in {{filepath}}"));
        }
        strict.push('$');
        loose.push('$');
        let compiled = |pattern: &str| Regex::new(pattern).map_err(|_| format!("pattern `{text}`: too long"));
        Ok(Self {
            text: text.to_owned(),
            strict: compiled(&strict)?,
            loose: compiled(&loose)?,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reads a path: relative to the root, with `/` between its parts.
    #[must_use]
    pub fn parse(&self, path: &str) -> Parsed {
        if let Some(found) = self.strict.captures(path) {
            let field = |name| found.name(name).map(|m| m.as_str().to_owned());
            return Parsed::Fits {
                patient: field("patient_id"),
                version: field("version"),
                path: field("filepath").unwrap_or_default(),
            };
        }
        match self.loose.is_match(path) {
            true => Parsed::Refused,
            false => Parsed::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(patient: Option<&str>, path: &str) -> Parsed {
        Parsed::Fits {
            patient: patient.map(str::to_owned),
            version: None,
            path: path.to_owned(),
        }
    }

    #[test]
    fn paths_are_read() {
        for (pattern, path, parsed) in [
            ("OMOP/{filepath}", "OMOP/person.csv", fits(None, "person.csv")),
            ("OMOP/{filepath}", "omop/a/b.csv", fits(None, "a/b.csv")),
            ("OMOP/{filepath}", "OMOPS/person.csv", Parsed::Other),
            (
                "{patient_id:w}/Images/{filepath}",
                "1001/Images/s/r/a.dcm",
                fits(Some("1001"), "s/r/a.dcm"),
            ),
            (
                "{patient_id:w}/Images/{filepath}",
                "P-77/Images/x/n.dcm",
                Parsed::Refused,
            ),
            (
                "{patient_id:w}/Images/{filepath}",
                "a/1001/Images/n.dcm",
                Parsed::Other,
            ),
            (
                "{patient_id:d}/Images/{filepath}",
                "P77/Images/n.dcm",
                Parsed::Refused,
            ),
            (
                "{patient_id}/Images/{filepath}",
                "P-77 x/Images/n.dcm",
                fits(Some("P-77 x"), "n.dcm"),
            ),
            ("a.b*/{filepath}", "a.b12/x", fits(None, "x")),
            ("a.b*/{filepath}", "axb/x", Parsed::Other),
            ("{filepath}", "x\ny", fits(None, "x\ny")),
        ] {
            assert_eq!(
                Pattern::new(pattern).unwrap().parse(path),
                parsed,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn faults_are_named() {
        for (pattern, what) in [
            ("OMOP", "ends in {filepath}"),
            ("{filepath}.csv", "ends in {filepath}"),
            ("{person}/{filepath}", "unknown"),
            ("{patient_id:x}/{filepath}", "a kind is"),
            ("{patient_id/{filepath}", "unknown"),
            ("a}/{filepath}", "without an opening"),
            ("{filepath", "without a closing"),
            ("{patient_id}/{patient_id}/{filepath}", "twice"),
        ] {
            assert!(Pattern::new(pattern).unwrap_err().contains(what), "{pattern}");
        }
    }
}
