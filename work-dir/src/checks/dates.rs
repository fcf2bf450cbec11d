use std::collections::BTreeMap;

use super::subject::percent;
use super::{Outcome, Subject};
use crate::profile::{Count, share};

const NAME: &str = "dates";

/// Years lie in the expected range, and few dates are implausible or unreadable. No row is dropped.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let rules = &subject.rules.dates;
    let mut outcomes = Vec::new();
    let mut columns = 0;
    for (column, _) in subject.columns() {
        let Some(days) = &column.days else { continue };
        let place = subject.place(column);
        if rules.ignore.contains(&place) || column.filled.rows == 0 {
            continue;
        }
        columns += 1;
        let wrong = column.unreadable.and(days.implausible);
        let mut fail = |found: String, advice: &str, few: bool| {
            outcomes.push(Outcome::failed(NAME, rules.severity, &place, found, advice).of_few(few));
        };

        for q in [0.01, 0.99] {
            if let Some(year) = year_at(&days.years, q)
                && !(year > f64::from(rules.after_year) && year < f64::from(rules.before_year))
            {
                fail(
                    format!("the year at quantile {q} is {year:.0}"),
                    "correct the source, or set [dates] after_year and before_year",
                    column.filled.is_small(subject.few),
                );
            }
        }
        let bad = wrong.rows;
        let part = share(bad, column.filled.rows);
        if part > rules.implausible {
            fail(
                format!(
                    "{bad} of {} dates ({}) are unreadable, before 1900 or too far in the future; {} may be",
                    column.filled.rows,
                    percent(part),
                    percent(rules.implausible)
                ),
                "correct the source, or add the column to [dates] ignore",
                wrong.is_small(subject.few),
            );
        }
    }
    Outcome::failures_or_passed(
        outcomes,
        NAME,
        rules.severity,
        format!("{columns} columns of dates"),
    )
}

/// The year at a quantile, between years where it falls between.
fn year_at(years: &BTreeMap<i32, Count>, q: f64) -> Option<f64> {
    let total: u64 = years.values().map(|count| count.rows).sum();
    let total = usize::try_from(total).ok()?;
    let year = |rank: usize| {
        let mut behind = 0;
        for (year, count) in years {
            behind += count.rows;
            if (rank as u64) < behind {
                return Some(f64::from(*year));
            }
        }
        None
    };
    crate::profile::interpolated(total, q, year)
}
