use crate::issue::Issue;

impl Issue {
    /// The codes of the issues that are errors, each once.
    pub(crate) fn codes(issues: &[Issue]) -> Vec<&'static str> {
        let mut codes = Vec::new();
        for issue in issues.iter().filter(|issue| issue.is_error()) {
            if !codes.contains(&issue.code) {
                codes.push(issue.code);
            }
        }
        codes
    }

    /// Whether trying again may help: every error among the issues may pass. Without any issue it may.
    pub(crate) fn may_pass(issues: &[Issue]) -> bool {
        let mut errors = issues.iter().filter(|issue| issue.is_error());
        errors.all(Issue::is_transient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_only_count() {
        let issues = [
            ("warning", "value"),
            ("error", "throttled"),
            ("fatal", "throttled"),
        ];
        let mut issues: Vec<Issue> = issues.map(|(severity, code)| Issue::new(severity, code)).into();
        assert_eq!(Issue::codes(&issues), ["throttled"]);
        assert!(Issue::may_pass(&issues) && Issue::may_pass(&[]));
        issues.push(Issue::new("error", "not-supported"));
        assert!(!Issue::may_pass(&issues));
    }
}
