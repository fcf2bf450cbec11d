//! The path of an output.

use super::Level;
use crate::{Rule, pattern};

/// Types that may be moderately sensitive; case matters.
const MODERATE: [&str; 11] = [
    "csv", "jpg", "jpeg", "png", "svg", "svgz", "html", "txt", "log", "json", "md",
];

/// What we let be moderately sensitive beside those, since we look into it as into a CSV table.
const PARQUET: &str = "parquet";

/// Whether a file of this path may be moderately sensitive.
pub(crate) fn is_moderate(path: &str) -> bool {
    suffix(path).is_some_and(|suffix| suffix == PARQUET || MODERATE.contains(&suffix))
}

/// What stands behind the last point of a name that begins with something else.
pub(crate) fn suffix(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, suffix) = name.rsplit_once('.')?;
    (!stem.is_empty() && !suffix.is_empty()).then_some(suffix)
}

/// What is wrong with a path; the first fault only, and ours after the original's.
pub(super) fn fault(path: &str, level: Level) -> Option<(Rule, &'static str)> {
    if path.contains('\\') {
        return Some((Rule::PathBackslash, "has a backslash"));
    }
    for (sign, what) in [("**", "has `**`"), ("?", "has `?`"), ("[", "has `[`")] {
        if path.contains(sign) {
            return Some((Rule::PathPattern, what));
        }
    }
    let suffix = suffix(path.trim_end_matches('/'));
    if suffix.is_none_or(|suffix| suffix.ends_with('*')) {
        return Some((Rule::PathExtension, "does not end with the type of the file"));
    }
    if path.starts_with('/') || has_drive(path) {
        return Some((Rule::PathAbsolute, "is absolute"));
    }
    let up = path.split('/').take_while(|part| *part == "..").count();
    if path
        .split('/')
        .skip(up)
        .any(|part| matches!(part, "" | "." | ".."))
    {
        return Some((Rule::PathForm, "is not in its shortest form"));
    }
    if path.starts_with("metadata/") {
        return Some((Rule::PathMetadata, "lies in `metadata`"));
    }
    if level == Level::ModeratelySensitive && !is_moderate(path) {
        return Some((
            Rule::PathType,
            "is of a type that must not be moderately sensitive",
        ));
    }
    ours(path, up)
}

/// What only OpenSAFELY's validator has against a path.
pub(super) fn fault_there(path: &str, level: Level) -> Option<(Rule, &'static str)> {
    let parquet = level == Level::ModeratelySensitive && suffix(path) == Some(PARQUET);
    parquet.then_some((
        Rule::PathParquet,
        "is Parquet, which OpenSAFELY does not let be moderately sensitive",
    ))
}

fn ours(path: &str, up: usize) -> Option<(Rule, &'static str)> {
    if up > 0 {
        return Some((Rule::PathOutside, "leads out of the project's folder"));
    }
    let first = path.split('/').next().unwrap_or_default();
    if path.contains('/')
        && (RESERVED.contains(&pattern::folded(first).as_str())
            || RESERVED.iter().any(|name| pattern::matches(first, name)))
    {
        return Some((Rule::PathReserved, "lies in a folder that is not for outputs"));
    }
    let bad = |part: &str| part != part.trim() || part.ends_with('.') || part.chars().any(char::is_control);
    if path.split('/').any(bad) {
        return Some((
            Rule::PathCharacter,
            "has control characters, or blanks or points at the ends of names",
        ));
    }
    None
}

/// Names that a pattern of the first folder must not stand for.
const RESERVED: [&str; 5] = ["metadata", "level3", "level4", "released", ".git"];

fn has_drive(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1..3) == Some(b":/")
}
