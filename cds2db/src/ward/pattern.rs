//! Filter patterns: which encounters a ward takes.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::condition::{Condition, quoted};
use super::id_list::is_invisible;
use super::{PatternFault, PatternFaultKind, ends_before};

/// One ward: its name and the conditions of which one must hold.
///
/// A definition without conditions matches every encounter.
pub struct WardDefinition {
    /// Configuration key, such as `ENCOUNTER_FILTER_PATTERN_1`.
    pub key: String,
    /// Name shown in the frontend, verbatim.
    pub ward_name: String,
    /// OR-connected entries, each a list of AND-connected conditions.
    pub alternatives: Vec<Vec<Condition>>,
    /// Wall time of the hub's zone before which an encounter must not have started to be taken, such as the beginning of
    /// a study's phase; none where not set.
    pub begins: Option<DateTime>,
}

impl fmt::Debug for WardDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WardDefinition")
            .field("key", &self.key)
            .field("alternatives", &self.alternatives)
            .finish_non_exhaustive()
    }
}

impl WardDefinition {
    /// The definition as one text, the same for the same meaning.
    pub(crate) fn text(&self) -> String {
        let begins = self.begins.map(|begins| begins.to_string()).unwrap_or_default();
        let mut text = format!("{:?} {:?} {begins}", self.key, self.ward_name);
        for conditions in &self.alternatives {
            text.push('\n');
            for c in conditions {
                let target = c.target.as_deref().unwrap_or_default();
                let sign = if c.negated { "!=" } else { "=" };
                text.push_str(&format!(
                    "{} -> {target} {sign} {:?};",
                    c.path,
                    c.pattern.as_str()
                ));
            }
        }
        text
    }

    /// Reads the definitions of a configuration, given as (key, entries), in any order.
    ///
    /// The result is in the order of the keys as text (`…_1`, `…_10`, `…_2`), which decides between wards that
    /// match the same encounter.
    ///
    /// # Errors
    /// All faults of all definitions at once.
    pub fn read_all(definitions: &[(String, Vec<String>)]) -> Result<Vec<Self>, Vec<PatternFault>> {
        let mut sorted: Vec<_> = definitions.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let mut wards = Vec::new();
        let mut faults = Vec::new();
        let mut names: HashMap<String, String> = HashMap::new();
        for (key, entries) in sorted {
            let Some(ward) = Self::read(key, entries, &mut faults) else {
                continue;
            };
            if let Some(other) = names.insert(ward.ward_name.clone(), key.clone()) {
                let kind = PatternFaultKind::WardNameDuplicate(other);
                faults.push(PatternFault {
                    key: key.clone(),
                    entry: 0,
                    kind,
                });
            }
            wards.push(ward);
        }
        if faults.is_empty() { Ok(wards) } else { Err(faults) }
    }

    fn read(key: &str, entries: &[String], faults: &mut Vec<PatternFault>) -> Option<Self> {
        let before = faults.len();
        let mut names = Vec::new();
        let mut alternatives = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            let mut fault = |kind| {
                faults.push(PatternFault {
                    key: key.to_owned(),
                    entry: i + 1,
                    kind,
                });
            };
            let parts = match split_and(entry) {
                Ok(parts) => parts,
                Err(kind) => {
                    fault(kind);
                    continue;
                }
            };
            if parts.iter().any(|part| ward_name(part).is_some()) {
                if parts.len() > 1 {
                    fault(PatternFaultKind::WardNameCombined);
                }
                match parts.iter().find_map(|part| ward_name(part)).and_then(quoted) {
                    None => fault(PatternFaultKind::InvalidSubcondition),
                    Some(name) if name.trim().is_empty() => fault(PatternFaultKind::WardNameEmpty),
                    Some(name) if name.contains(is_invisible) => fault(PatternFaultKind::WardNameInvisible),
                    Some(_) => {}
                }
                names.push(
                    parts
                        .iter()
                        .find_map(|part| ward_name(part))
                        .and_then(quoted)
                        .unwrap_or(""),
                );
                continue;
            }
            let mut conditions: Vec<Condition> = Vec::new();
            for part in parts {
                match Condition::parse(part) {
                    Err(kind) => fault(kind),
                    Ok(new)
                        if conditions
                            .iter()
                            .any(|c| c.path == new.path && c.target == new.target) =>
                    {
                        fault(PatternFaultKind::DuplicatePath(new.path));
                    }
                    Ok(new) => conditions.push(new),
                }
            }
            alternatives.push(conditions);
        }
        if names.len() != 1 {
            let kind = PatternFaultKind::WardNameCount(names.len());
            faults.push(PatternFault {
                key: key.to_owned(),
                entry: 0,
                kind,
            });
        }
        let ward_name = names.first()?.trim().to_owned();
        (faults.len() == before).then(|| Self {
            key: key.to_owned(),
            ward_name,
            alternatives,
            begins: None,
        })
    }

    /// Whether an encounter with this `period.start` is too old for the ward. A partial date is too old where all of its
    /// period is; an unknown start never is, so that nobody is lost.
    #[must_use]
    pub fn is_too_old(&self, start: Option<&str>, zone: &TimeZone) -> bool {
        match (self.begins, start) {
            (Some(begins), Some(start)) => ends_before(start, begins, zone),
            _ => false,
        }
    }

    /// Whether the definition has no condition and so takes every encounter.
    #[must_use]
    pub fn matches_everything(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// Whether the ward takes an encounter; `values` gives the joined values of a condition's path.
    pub fn matches<'v>(&self, mut values: impl FnMut(&Condition) -> Option<Cow<'v, str>>) -> bool {
        self.matches_everything()
            || self
                .alternatives
                .iter()
                .any(|all| all.iter().all(|c| c.matches(values(c).as_deref())))
    }

    /// The (path, target) pairs whose references have to be followed, sorted, each once.
    #[must_use]
    pub fn targets(wards: &[Self]) -> BTreeSet<(String, String)> {
        let conditions = wards.iter().flat_map(|w| &w.alternatives).flatten();
        conditions
            .filter_map(|c| Some((c.path.clone(), c.target.clone()?)))
            .collect()
    }

    /// The Encounter paths that the conditions of all wards look at, sorted, each once.
    #[must_use]
    pub fn paths(wards: &[Self]) -> BTreeSet<String> {
        wards
            .iter()
            .flat_map(|w| &w.alternatives)
            .flatten()
            .map(|c| c.path.clone())
            .collect()
    }
}

/// The text behind `ward_name =`, if the part is about the ward's name.
fn ward_name(part: &str) -> Option<&str> {
    let rest = part.trim_start().strip_prefix("ward_name")?;
    rest.trim_start().strip_prefix('=')
}

/// Splits an entry at each `+` outside quotes.
fn split_and(entry: &str) -> Result<Vec<&str>, PatternFaultKind> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut inside = false;
    for (i, b) in entry.bytes().enumerate() {
        match b {
            b'\'' => inside = !inside,
            b'+' if !inside => {
                parts.push(&entry[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&entry[start..]);
    if inside {
        return Err(PatternFaultKind::InvalidSubcondition);
    }
    if parts.iter().any(|part| part.trim().is_empty()) {
        return Err(PatternFaultKind::EmptySubcondition);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[&str]) -> Result<Vec<WardDefinition>, Vec<PatternFault>> {
        let entries = entries.iter().map(|e| (*e).to_owned()).collect();
        WardDefinition::read_all(&[("ENCOUNTER_FILTER_PATTERN_1".to_owned(), entries)])
    }

    fn fault(entries: &[&str]) -> String {
        let faults = read(entries).expect_err("should be refused");
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn accepts_what_the_original_accepts() {
        let accepted: [&[&str]; 7] = [
            &["ward_name = 'S1'", "location/location/reference = 'Location/1'"],
            &["ward_name='S1'", "a='x' + b = 'y'"],
            &["ward_name = 'S1'"],
            &["ward_name = 'S1'", "serviceType/coding/code = 'a+b'"],
            &["ward_name = 'S1'", "serviceType/coding/code = 'x=y'"],
            &["ward_name = 'Übergang 1 + 2'", "A/b = ''"],
            &[
                "location/location/reference = '^Location/(?!9)'",
                "ward_name = 'S1'",
            ],
        ];
        for entries in accepted {
            assert!(read(entries).is_ok(), "{entries:?}");
        }
    }

    #[test]
    fn refuses_with_the_reason() {
        let refused: [(&[&str], &str); 14] = [
            (&["ward_name = 'S'", "+ a = 'x'"], "Invalid empty subcondition"),
            (&["ward_name = 'S'", "a = 'x' +"], "Invalid empty subcondition"),
            (
                &["ward_name = 'S'", "a = 'x' ++ b = 'y'"],
                "Invalid empty subcondition",
            ),
            (&["ward_name = 'S'", ""], "Invalid empty subcondition"),
            (&["ward_name = 'S'", "a1/b = 'x'"], "Invalid subcondition"),
            (&["ward_name = 'S'", "a.b = 'x'"], "Invalid subcondition"),
            (&["ward_name = 'S'", "a = x"], "Invalid subcondition"),
            (&["ward_name = 'S'", "a = 'x"], "Invalid subcondition"),
            (&["ward_name = 'S'", "a = '('"], "not a valid regular expression"),
            (&["ward_name = 'S'", "a = 'x' + a = 'y'"], "occurs twice"),
            (&["ward_name = 'S' + a = 'x'"], "must not be combined"),
            (&["a = 'x'"], "exactly once, found 0 times"),
            (
                &["ward_name = 'S'", "ward_name = 'T'"],
                "exactly once, found 2 times",
            ),
            (&["ward_name = ''"], "must not be empty"),
        ];
        for (entries, expected) in refused {
            let message = fault(entries);
            assert!(message.contains(expected), "{entries:?}: {message}");
        }
    }

    #[test]
    fn refuses_the_same_name_twice_and_reports_all_faults() {
        let definitions = [
            (
                "P_2".to_owned(),
                vec!["ward_name = 'S'".to_owned(), "a = x".to_owned()],
            ),
            ("P_1".to_owned(), vec!["ward_name = 'S'".to_owned()]),
            ("P_3".to_owned(), vec!["ward_name = 'S'".to_owned()]),
        ];
        let faults = WardDefinition::read_all(&definitions).expect_err("refused");
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert_eq!(
            faults[1].kind,
            PatternFaultKind::WardNameDuplicate("P_1".to_owned())
        );
    }

    #[test]
    fn trap_12_signs_of_the_grammar_within_a_pattern_and_one_path_twice() {
        let ward = &read(&["ward_name = 'S'", "a = '^x+=y$' + b = 'p+q'"]).expect("reads")[0];
        let of = |a, b| ward.matches(|c| Some(Cow::Borrowed(if c.path == "a" { a } else { b })));
        assert!(of("xxx=y", "ppq"));
        assert!(!of("x", "pq"), "neither sign splits the pattern");
        assert!(fault(&["ward_name = 'S'", "a = 'x' + a = 'y'"]).contains("occurs twice"));
    }

    #[test]
    fn trap_13_a_name_alone_takes_everything_and_case_does_not_matter() {
        let wards = WardDefinition::read_all(&[
            ("P_1".to_owned(), vec!["ward_name = 'all'".to_owned()]),
            (
                "P_2".to_owned(),
                vec!["ward_name = 'S'".to_owned(), "a = 'STATION'".to_owned()],
            ),
        ])
        .expect("reads");
        assert!(wards[0].matches_everything() && wards[0].matches(|_| None));
        let of = |text: &'static str| wards[1].matches(|_| Some(Cow::Borrowed(text)));
        assert!(of("x ~ on station 3"), "unanchored, in the joined text");
        assert!(!of("ward"));
    }

    #[test]
    fn matches_joined_values_without_case_and_unanchored() {
        let ward = &read(&[
            "ward_name = 'S'",
            "a = 'loc/1' + b = '^x$'",
            "c = 'z'",
            "d != 'no'",
        ])
        .expect("reads")[0];
        let case = |a: Option<&'static str>, b, c, d| {
            ward.matches(|condition| {
                match condition.path.as_str() {
                    "a" => a,
                    "b" => b,
                    "c" => c,
                    _ => d,
                }
                .map(Cow::Borrowed)
            })
        };
        assert!(case(Some("my LOC/12"), Some("X"), None, None));
        assert!(
            !case(Some("my LOC/12"), Some("x ~ y"), None, None),
            "anchors see the joined text"
        );
        assert!(!case(Some("loc/1"), None, None, None), "no value never matches");
        assert!(case(None, None, Some("Zz"), None));
        assert!(case(None, None, None, Some("yes")));
        assert!(!case(None, None, None, Some("nono")));
        assert!(!case(None, None, None, None));
    }

    #[test]
    fn keys_are_in_text_order_and_paths_sorted() {
        let entries = |n: &str| {
            vec![
                format!("ward_name = '{n}'"),
                "b/a = 'x'".to_owned(),
                "a = 'x'".to_owned(),
            ]
        };
        let wards = WardDefinition::read_all(&[
            ("P_2".to_owned(), entries("2")),
            ("P_10".to_owned(), entries("10")),
            ("P_1".to_owned(), entries("1")),
        ])
        .expect("reads");
        let names: Vec<_> = wards.iter().map(|w| w.ward_name.as_str()).collect();
        assert_eq!(names, ["1", "10", "2"]);
        assert_eq!(
            WardDefinition::paths(&wards).into_iter().collect::<Vec<_>>(),
            ["a", "b/a"]
        );
    }

    #[test]
    fn debug_shows_no_pattern() {
        let wards = read(&["ward_name = 'S'", "a = 'MARKER'"]).expect("reads");
        assert!(!format!("{wards:?}").contains("MARKER"));
    }
}
