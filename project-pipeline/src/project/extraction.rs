//! Actions that read patients' data from a database have rules of their own.

use std::collections::BTreeSet;

use super::read::Checked;
use super::{Action, Level};
use crate::{Place, Rule};

pub(super) fn check(action: &Action, words: &[String], levels: usize, at: Place, checked: &mut Checked) {
    let runner = words
        .first()
        .map_or("", |word| word.split(':').next().unwrap_or_default());
    let command = words.get(1).map_or("", String::as_str);
    match (runner, command) {
        ("ehrql" | "databuilder", "generate-dataset" | "generate_dataset") => {
            dataset(action, words, at, checked);
        }
        ("cohortextractor", "generate_cohort") => {
            cohort(action, words, levels, at, checked);
        }
        _ => {}
    }
}

/// One level, one folder.
fn cohort(action: &Action, words: &[String], levels: usize, at: Place, checked: &mut Checked) {
    if levels > 1 {
        checked.fault(
            Rule::CohortLevels,
            at,
            format!(
                "{} generates a cohort, but its outputs have {levels} privacy levels",
                action.name
            ),
        );
    }
    let says_where = words
        .iter()
        .any(|word| word == "--output-dir" || word.starts_with("--output-dir="));
    let folders: BTreeSet<&str> = action
        .outputs
        .iter()
        .map(|output| output.pattern.rsplit_once('/').map_or("", |(folder, _)| folder))
        .collect();
    if !says_where && folders.len() > 1 {
        checked.fault(
            Rule::CohortFolders,
            at,
            format!(
                "{} generates a cohort, but its outputs lie in {} folders",
                action.name,
                folders.len()
            ),
        );
    }
}

/// Highly sensitive, and written where the outputs say.
fn dataset(action: &Action, words: &[String], at: Place, checked: &mut Checked) {
    if let Some(output) = action
        .outputs
        .iter()
        .find(|output| output.level != Level::HighlySensitive)
    {
        checked.fault(
            Rule::ExtractionLevel,
            output.at,
            format!(
                "{} extracts patients' data, `{}` must be highly_sensitive",
                action.name, output.name
            ),
        );
    }
    let Some(target) = target(words).filter(|target| !target.is_empty()) else {
        return checked.fault(
            Rule::ExtractionOutput,
            at,
            format!("{} extracts patients' data, but has no `--output`", action.name),
        );
    };
    let mut paths = action.outputs.iter().map(|output| output.pattern.as_str());
    let fits = match target.rsplit_once(':') {
        Some((folder, kind)) => {
            folder_pattern(folder, kind).is_some_and(|glob| paths.all(|path| fits(&glob, path)))
        }
        None => paths.any(|path| path == target),
    };
    if !fits {
        checked.fault(
            Rule::ExtractionMismatch,
            at,
            format!(
                "{} writes `{target}`, which is not what its outputs name",
                action.name
            ),
        );
    }
}

/// The value of the first `--output`.
fn target(words: &[String]) -> Option<&str> {
    words.iter().enumerate().find_map(|(at, word)| {
        if word == "--output" {
            Some(words.get(at + 1).map_or("", String::as_str))
        } else {
            word.strip_prefix("--output=")
        }
    })
}

/// `folder/:csv` writes `folder/*.csv`; nothing is written into the project's folder itself in this form.
fn folder_pattern(folder: &str, kind: &str) -> Option<String> {
    let rooted = if folder.starts_with("//") && !folder.starts_with("///") {
        "//"
    } else if folder.starts_with('/') {
        "/"
    } else {
        ""
    };
    let parts: Vec<&str> = folder
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.is_empty() || kind.is_empty() {
        return None;
    }
    Some(format!("{rooted}{}/*.{kind}", parts.join("/")))
}

/// As `fnmatch` has it: `*` any characters, `?` one, `[…]` one of several.
fn fits(glob: &str, path: &str) -> bool {
    let (glob, path): (Vec<char>, Vec<char>) = (glob.chars().collect(), path.chars().collect());
    let mut reach = vec![false; path.len() + 1];
    reach[0] = true;
    let mut at = 0;
    while at < glob.len() {
        let (width, class) = class(&glob[at..]);
        let mut next = vec![false; path.len() + 1];
        if glob[at] == '*' {
            let mut on = false;
            for (here, reached) in reach.iter().enumerate() {
                on |= reached;
                next[here] = on;
            }
        } else {
            for (here, c) in path.iter().enumerate() {
                next[here + 1] = reach[here] && class(*c);
            }
        }
        reach = next;
        at += width;
    }
    reach[path.len()]
}

/// One element of a glob: how many characters it takes, and what it stands for.
fn class(glob: &[char]) -> (usize, Box<dyn Fn(char) -> bool + '_>) {
    let first = glob[0];
    if first == '?' {
        return (1, Box::new(|_| true));
    }
    let negated = glob.get(1) == Some(&'!');
    let start = 1 + usize::from(negated);
    let end = glob
        .iter()
        .enumerate()
        .skip(start + 1)
        .find(|(_, c)| **c == ']')
        .map(|(at, _)| at);
    match end {
        Some(end) if first == '[' => {
            let members = &glob[start..end];
            let member = move |c: char| {
                let mut at = 0;
                while at < members.len() {
                    if at + 2 < members.len() && members[at + 1] == '-' {
                        if (members[at]..=members[at + 2]).contains(&c) {
                            return true;
                        }
                        at += 3;
                    } else {
                        if members[at] == c {
                            return true;
                        }
                        at += 1;
                    }
                }
                false
            };
            (end + 1, Box::new(move |c| member(c) != negated))
        }
        _ => (1, Box::new(move |c| c == first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_a_type_stand_for_their_files() {
        for (target, path, good) in [
            ("o/:csv", "o/*.csv", true),
            ("o/:csv", "o/a/b.csv", true),
            ("o/:csv", "o.csv", false),
            ("o/:b.csv", "o/a.b.csv", true),
            (":csv", "a.csv", false),
            ("o//./:csv", "o/a.csv", true),
            ("o/x:y:csv", "o/x:y/b.csv", true),
            ("o/:", "o/a.csv", false),
            ("o/:[ct]sv", "o/a.tsv", true),
        ] {
            let (folder, kind) = target.rsplit_once(':').expect("a colon");
            let glob = folder_pattern(folder, kind);
            assert_eq!(
                glob.is_some_and(|glob| fits(&glob, path)),
                good,
                "{target} {path}"
            );
        }
    }
}
