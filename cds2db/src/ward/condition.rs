//! One condition of a filter pattern: a path of Encounter and a regular expression.

use std::fmt;

use fancy_regex::{Regex, RegexBuilder};

use super::PatternFaultKind;

/// A path of Encounter tested against a regular expression.
///
/// The expression is searched without regard to case and unanchored in the values of the path joined by ` ~ `.
pub struct Condition {
    /// Slash path below Encounter.
    pub path: String,
    /// Element of the resource that the path's reference points to, such as `name` of a Location
    /// (`location/location/reference -> name = '…'`); an extension of ours.
    pub target: Option<String>,
    /// `!=`: holds where the path has a value and the expression is not found; an extension of ours.
    pub negated: bool,
    pub(super) pattern: Regex,
}

/// Steps a look-around expression may take before it counts as no match.
const BACKTRACK_LIMIT: usize = 100_000;

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("path", &self.path)
            .field("target", &self.target)
            .field("negated", &self.negated)
            .finish_non_exhaustive()
    }
}

impl Condition {
    /// Whether the joined values of the path satisfy the condition; a path without a value never does.
    #[must_use]
    pub fn matches(&self, joined: Option<&str>) -> bool {
        joined.is_some_and(|text| self.pattern.is_match(text).unwrap_or(false) != self.negated)
    }

    pub(super) fn parse(text: &str) -> Result<Self, PatternFaultKind> {
        let invalid = || PatternFaultKind::InvalidSubcondition;
        let (left, rest) = text.split_once('=').ok_or_else(invalid)?;
        let (left, negated) = match left.strip_suffix('!') {
            Some(left) => (left, true),
            None => (left, false),
        };
        let (path, target) = match left.split_once("->") {
            Some((path, target)) => (path.trim(), Some(target.trim())),
            None => (left.trim(), None),
        };
        let is_path = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphabetic() || b == b'/');
        if !is_path(path) || target.is_some_and(|t| !is_path(t)) {
            return Err(invalid());
        }
        let pattern = quoted(rest).ok_or_else(invalid)?;
        let pattern = RegexBuilder::new(pattern)
            .case_insensitive(true)
            .backtrack_limit(BACKTRACK_LIMIT)
            .build()
            .map_err(|_| PatternFaultKind::InvalidPattern)?;
        Ok(Self {
            path: path.to_owned(),
            target: target.map(str::to_owned),
            negated,
            pattern,
        })
    }
}

/// The text between one pair of single quotes, blanks round it allowed.
pub(super) fn quoted(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.contains('\'')).then_some(inner)
}
