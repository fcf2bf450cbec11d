//! The command of an action: runner, version, arguments.

use super::read::Checked;
use super::top::Version;
use crate::words::{self, Unfinished};
use crate::yaml::Node;
use crate::{Rule, digits};

/// Checks the command; gives its words where it has some.
pub(super) fn check(
    node: &Node,
    action: &str,
    version: Version,
    checked: &mut Checked,
) -> Option<Vec<String>> {
    let Some(text) = node.text() else {
        checked.fault(
            Rule::RunNotText,
            node.at,
            format!("`run` of {action} is a text, this is {}", node.sort()),
        );
        return None;
    };
    let words = match words::split(text) {
        Ok(words) => words,
        Err(why) => {
            let what = match why {
                Unfinished::Quote => "has a quote that is not closed",
                Unfinished::Escape => "ends in the middle of an escape",
            };
            checked.fault(Rule::RunQuotes, node.at, format!("`run` of {action} {what}"));
            return None;
        }
    };
    let Some(first) = words.first() else {
        checked.fault(Rule::RunEmpty, node.at, format!("`run` of {action} is empty"));
        return None;
    };
    let (name, tag) = first.split_once(':').unwrap_or((first, ""));
    if !is_tag(tag) {
        checked.fault(
            Rule::RunTag,
            node.at,
            format!("`{name}` in `run` of {action} has no version of the form :vN"),
        );
    } else if tag == "latest" && version.is_strict() {
        checked.fault(
            Rule::RunLatest,
            node.at,
            format!("`run` of {action} uses `{first}`, which is another program every day"),
        );
    }
    if version.forbids_cohortextractor() && name.starts_with("cohortextractor") {
        checked.fault(
            Rule::CohortForbidden,
            node.at,
            format!("`run` of {action} uses cohortextractor, which version 4 and later do not have"),
        );
    }
    Some(words)
}

/// `v` with digits and points, perhaps `-pre`; `dev`; `latest`.
fn is_tag(tag: &str) -> bool {
    if matches!(tag, "dev" | "latest") {
        return true;
    }
    let Some(number) = tag.strip_prefix('v') else {
        return false;
    };
    let number = number.strip_suffix("-pre").unwrap_or(number);
    !number.is_empty() && number.chars().all(|c| c == '.' || digits::digit(c).is_some())
}

#[cfg(test)]
mod tests {
    #[test]
    fn tags_are_versions() {
        for (tag, good) in [
            ("v2", true),
            ("v2.1.3", true),
            ("v2.1-pre", true),
            ("v2.", true),
            ("dev", true),
            ("latest", true),
            ("", false),
            ("v", false),
            ("v-pre", false),
            ("v2-pre1", false),
            ("2", false),
            ("v2a", false),
            ("v2:v3", false),
            ("dev-pre", false),
        ] {
            assert_eq!(super::is_tag(tag), good, "{tag}");
        }
    }
}
