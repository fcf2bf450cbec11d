use super::subject::percent;
use super::{Outcome, Subject};
use crate::profile::{Charset, share};

const CODES: &str = "codes";
/// Codes in the original system's files, which must hold less.
const CATEGORIES: &str = "categories";
const SYSTEMS: &str = "systems";

/// No code holds what it must not.
pub(crate) fn codes(subject: &Subject<'_>) -> Vec<Outcome> {
    let severity = subject.rules.codes.severity;
    let mut outcomes = Vec::new();
    let mut columns = 0;
    for (column, role) in subject.columns().filter(|(_, role)| role.charset != Charset::Any) {
        columns += 1;
        if column.odd.rows > 0 {
            let (test, what, severity) = match role.charset {
                Charset::Signal => (
                    CATEGORIES,
                    "are empty or hold a comma, blank, quote, tab or semicolon",
                    subject.rules.codes.categories,
                ),
                _ => (
                    CODES,
                    "are empty, begin or end with a blank, or hold two blanks or a control character",
                    severity,
                ),
            };
            let found = format!("{} of {} codes {what}", column.odd.rows, column.filled.rows);
            let advice = "correct the source; cds2db work inspect TABLE finds the rows";
            let outcome = Outcome::failed(test, severity, &subject.place(column), found, advice);
            let outcome = outcome
                .about(&column.name)
                .among(column.odd.rows, column.filled.rows);
            outcomes.push(outcome.of_few(column.odd.is_small(subject.few)));
        }
    }
    Outcome::failures_or_passed(outcomes, CODES, severity, format!("{columns} columns of codes"))
}

/// Codes come from the systems that the rules expect.
pub(crate) fn systems(subject: &Subject<'_>) -> Vec<Outcome> {
    let rules = &subject.rules.systems;
    let mut outcomes = Vec::new();
    let mut tested = 0;
    for (column, _) in subject.columns() {
        let place = subject.place(column);
        let Some(expected) = rules.expected.get(&place) else {
            continue;
        };
        tested += 1;
        let others = || column.codes.iter().filter(|code| !expected.contains(&code.value));
        let rows: u64 = others().map(|code| code.count.rows).sum();
        let part = share(rows, column.filled.rows);
        if part > rules.share {
            let named: Vec<&str> = others()
                .filter(|code| !code.count.is_small(subject.few))
                .take(5)
                .map(|code| code.value.as_str())
                .collect();
            let named = if named.is_empty() {
                String::new()
            } else {
                format!(": {}", named.join(", "))
            };
            let found = format!("{} of the codes come from other systems{named}", percent(part));
            let advice = "map the codes, or add the system to [systems.expected]";
            let few = others().all(|code| code.count.is_small(subject.few));
            let outcome = Outcome::failed(SYSTEMS, rules.severity, &place, found, advice).about(&column.name);
            outcomes.push(outcome.among(rows, column.filled.rows).of_few(few));
        } else if column.filled.rows > 0 && column.codes.is_empty() {
            let why = format!("{place} has too many different values to be told apart");
            outcomes.push(Outcome::skipped(SYSTEMS, rules.severity, why));
        }
    }
    if tested == 0 {
        let why = "no column of the table has expected systems";
        outcomes.push(Outcome::skipped(SYSTEMS, rules.severity, why));
    }
    Outcome::failures_or_passed(outcomes, SYSTEMS, rules.severity, format!("{tested} columns"))
}
