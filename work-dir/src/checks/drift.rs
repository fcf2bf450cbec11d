use std::collections::HashMap;

use super::subject::percent;
use super::{Outcome, Subject};
use crate::profile::{ColumnProfile, Count, ratio, share};

const NAME: &str = "drift";
/// Codes that are named.
const NAMED: usize = 5;

/// The table looks as it did in the run before.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let rules = &subject.rules.drift;
    let Some(before) = subject.before else {
        return vec![Outcome::skipped(
            NAME,
            rules.severity,
            "compared on the standing files, or with a run that is named",
        )];
    };
    let (now, then) = (subject.profile.rows.rows, before.rows.rows);
    if then < rules.min_rows {
        let why = format!("the run before had {then} rows; {} are needed", rules.min_rows);
        return vec![Outcome::skipped(NAME, rules.severity, why)];
    }
    let mut outcomes = Vec::new();
    let mut fail = |place: &str, found: String| {
        let advice = "see what changed in the source; the report shows both runs";
        outcomes.push(Outcome::failed(NAME, rules.severity, place, found, advice));
    };
    let fell = 1.0 - share(now, then);
    if fell > rules.rows {
        fail(
            "",
            format!("{now} rows where there were {then} ({} fewer)", percent(fell)),
        );
    }
    for old in &before.columns {
        let place = format!("{}.{}", before.table, old.name);
        let Some(column) = subject.profile.column(&old.name) else {
            if old.filled.rows > 0 {
                fail(&place, "the column is gone".to_owned());
            }
            continue;
        };
        let (now, then) = (column.null_share(), old.null_share());
        if (now - then).abs() > rules.nulls && subject.profile.rows.rows >= rules.min_rows {
            fail(
                &place,
                format!(
                    "{} of the rows are empty where {} were",
                    percent(now),
                    percent(then)
                ),
            );
        }
        medians(column, old, rules.min_rows, rules.median, |group, now, then| {
            fail(
                &format!("{place}{group}"),
                format!("the median is {now:.1} times as {then}"),
            );
        });
        codes(column, old, subject, |found| fail(&place, found));
    }
    let tested = format!("like the run before: {then} rows then, {now} now");
    Outcome::failures_or_passed(outcomes, NAME, rules.severity, tested)
}

/// Medians of the column or of its groups that moved by more than a factor: group, factor, direction.
fn medians(
    column: &ColumnProfile,
    old: &ColumnProfile,
    min_rows: u64,
    limit: f64,
    mut fail: impl FnMut(&str, f64, &str),
) {
    let mut compare = |name: &str, now: &crate::profile::Numbers, then: &crate::profile::Numbers| {
        if now.count.rows < min_rows || then.count.rows < min_rows {
            return;
        }
        if let (Some(a), Some(b)) = (now.at(0.5), then.at(0.5))
            && let Some(factor) = ratio(a, b)
            && factor > limit
        {
            fail(
                name,
                factor,
                if a > b { "high as before" } else { "low as before" },
            );
        }
    };
    if old.groups.is_empty()
        && let (Some(now), Some(then)) = (&column.numbers, &old.numbers)
    {
        compare("", now, then);
    }
    let now: HashMap<_, _> = column
        .groups
        .iter()
        .map(|g| ((&g.code, &g.unit), &g.numbers))
        .collect();
    for group in &old.groups {
        if let Some(numbers) = now.get(&(&group.code, &group.unit)) {
            compare(
                &format!("[{}|{}]", group.code, group.unit),
                numbers,
                &group.numbers,
            );
        }
    }
}

/// Codes that are new or gone and had a share worth telling.
fn codes(column: &ColumnProfile, old: &ColumnProfile, subject: &Subject<'_>, mut fail: impl FnMut(String)) {
    if column.codes.is_empty() || old.codes.is_empty() || column.filled.rows < subject.rules.drift.min_rows {
        return;
    }
    let only_in = |these: &ColumnProfile, those: &ColumnProfile| -> Vec<String> {
        let others: HashMap<&str, Count> = those.codes.iter().map(|c| (c.value.as_str(), c.count)).collect();
        let is_large = |count: Count| share(count.rows, these.filled.rows) >= subject.rules.drift.codes;
        let alone = these
            .codes
            .iter()
            .filter(|c| !others.contains_key(c.value.as_str()) && is_large(c.count));
        alone
            .map(|c| {
                if c.count.is_small(subject.few) {
                    format!("one of fewer than {} patients", subject.few)
                } else {
                    c.value.clone()
                }
            })
            .collect()
    };
    for (what, codes) in [("new", only_in(column, old)), ("gone", only_in(old, column))] {
        if !codes.is_empty() {
            let shown = codes
                .iter()
                .take(NAMED)
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            let more = codes.len().saturating_sub(NAMED);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            fail(format!("{what}: {shown}{more}"));
        }
    }
}
