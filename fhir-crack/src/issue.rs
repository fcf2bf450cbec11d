//! An issue of an OperationOutcome in words of FHIR's own: what a server wrote into its place is never shown.

use std::fmt;

use crate::tree::Element;
use crate::types;

/// Severity and code of an issue, and the type of resource it is about. Texts may hold patient data and are left out.
///
/// Source: <https://hl7.org/fhir/R4/operationoutcome.html> (R4).
///
/// `Debug` shows these words of FHIR's, and how many expressions say what it is about.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issue {
    /// `fatal`, `error`, `warning` or `information`; what is none of them counts as an error.
    pub severity: &'static str,
    /// Such as `not-found` or `throttled`; what is none of FHIR's codes is `unknown`.
    pub code: &'static str,
    /// The expressions that say what the issue is about, as the server wrote them: for comparing, not for showing.
    pub(crate) expressions: Vec<String>,
}

/// Expressions of one issue kept, at most.
const EXPRESSIONS: usize = 8;

/// Codes of the value set issue-type (FHIR R4, <https://hl7.org/fhir/R4/valueset-issue-type.html>) and whether
/// sending the same request again may help.
const CODES: [(&str, bool); 31] = [
    ("invalid", false),
    ("structure", false),
    ("required", false),
    ("value", false),
    ("invariant", false),
    ("security", false),
    ("login", false),
    ("unknown", true),
    ("expired", false),
    ("forbidden", false),
    ("suppressed", false),
    ("processing", true),
    ("not-supported", false),
    ("duplicate", false),
    ("multiple-matches", false),
    ("not-found", false),
    ("deleted", false),
    ("too-long", false),
    ("code-invalid", false),
    ("extension", false),
    ("too-costly", false),
    ("business-rule", false),
    ("conflict", true),
    ("transient", true),
    ("lock-error", true),
    ("no-store", true),
    ("exception", true),
    ("timeout", true),
    ("incomplete", true),
    ("throttled", true),
    ("informational", false),
];

/// Codes of the value set issue-severity (FHIR R4), and `success` of R5.
const SEVERITIES: [&str; 5] = ["fatal", "error", "warning", "information", "success"];

impl fmt::Debug for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issue")
            .field("severity", &self.severity)
            .field("code", &self.code)
            .field("expressions", &self.expressions.len())
            .finish()
    }
}

impl Issue {
    /// An issue of this severity and code.
    pub(crate) fn new(severity: &str, code: &str) -> Self {
        let severity = SEVERITIES.into_iter().find(|known| *known == severity);
        let code = CODES.iter().find(|(known, _)| *known == code);
        Self {
            severity: severity.unwrap_or("error"),
            code: code.map_or("unknown", |(code, _)| code),
            expressions: Vec::new(),
        }
    }

    pub(crate) fn of(element: &Element<'_>) -> Self {
        let said = |name| element.value_of(name).unwrap_or_default();
        let expressions = element.named("expression").chain(element.named("location"));
        let expressions = expressions.filter_map(|said| said.attribute("value"));
        Self {
            expressions: expressions.take(EXPRESSIONS).map(str::to_owned).collect(),
            ..Self::new(said("severity"), said("code"))
        }
    }

    /// Whether the server could not do what was asked.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.severity, "fatal" | "error")
    }

    /// Whether asking again may help.
    #[cfg(feature = "search")]
    pub(crate) fn is_transient(&self) -> bool {
        CODES
            .iter()
            .any(|(known, transient)| *known == self.code && *transient)
    }

    /// What the issue is about: one of these names (parameters that were sent) where the server names it, else the type of
    /// resource it names.
    #[must_use]
    pub fn concerns<'n>(&'n self, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        let words = || {
            let separate = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-');
            self.expressions.iter().flat_map(move |text| text.split(separate))
        };
        names
            .into_iter()
            .find(|name| words().any(|word| word == *name))
            .or_else(|| words().find_map(types::known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_and_codes_are_closed_sets() {
        for (severity, code, read, is_error) in [
            ("error", "transient", ("error", "transient"), true),
            ("fatal", "not-supported", ("fatal", "not-supported"), true),
            ("warning", "too-costly", ("warning", "too-costly"), false),
            ("Anna Muster", "Anna Muster", ("error", "unknown"), true),
            ("", "", ("error", "unknown"), true),
        ] {
            let issue = Issue::new(severity, code);
            assert_eq!((issue.severity, issue.code), read);
            assert_eq!(issue.is_error(), is_error);
        }
    }

    #[test]
    fn what_an_issue_is_about_is_told_in_known_names_only() {
        let about = |text: &str| Issue {
            expressions: vec![text.to_owned()],
            ..Issue::new("warning", "not-supported")
        };
        for (text, concerned) in [
            ("http.patient", Some("patient")),
            ("http.name:exact", None),
            ("Observation.subject", Some("Observation")),
            ("/f:Observation/f:subject", Some("Observation")),
            ("Patient.where(name='Anna Muster')", Some("Patient")),
            ("Anna Muster", None),
        ] {
            assert_eq!(about(text).concerns(["patient", "_count"]), concerned, "{text}");
        }
    }
}
