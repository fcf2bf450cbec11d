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

/// One issue of an OperationOutcome: its severity and code, nothing of its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) code: &'static str,
    pub(crate) is_error: bool,
    pub(crate) is_transient: bool,
}

impl Issue {
    /// Reads severity and code; what is not in the value sets counts as an error of unknown kind, so that a text
    /// a server wrote into the wrong place never reaches a log.
    pub(crate) fn read(severity: &str, code: &str) -> Issue {
        let (code, is_transient) = CODES
            .iter()
            .find(|(known, _)| *known == code)
            .copied()
            .unwrap_or(("unknown", true));
        let is_error = !matches!(severity, "warning" | "information" | "success");
        Issue {
            code,
            is_error,
            is_transient,
        }
    }

    /// The codes of the issues that are errors, each once.
    pub(crate) fn codes(issues: &[Issue]) -> Vec<&'static str> {
        let mut codes = Vec::new();
        for issue in issues.iter().filter(|issue| issue.is_error) {
            if !codes.contains(&issue.code) {
                codes.push(issue.code);
            }
        }
        codes
    }

    /// Whether trying again may help: every error among the issues may pass. Without any issue it may.
    pub(crate) fn may_pass(issues: &[Issue]) -> bool {
        issues
            .iter()
            .filter(|issue| issue.is_error)
            .all(|issue| issue.is_transient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_a_closed_set() {
        for (severity, code, read, error, transient) in [
            ("error", "transient", "transient", true, true),
            ("fatal", "not-supported", "not-supported", true, false),
            ("warning", "too-costly", "too-costly", false, false),
            ("error", "Anna Muster", "unknown", true, true),
            ("", "", "unknown", true, true),
        ] {
            let issue = Issue::read(severity, code);
            assert_eq!(
                (issue.code, issue.is_error, issue.is_transient),
                (read, error, transient)
            );
        }
    }
}
