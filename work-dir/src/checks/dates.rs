//! Dates lie where dates of a hospital lie.

use std::collections::BTreeMap;

use super::subject::percent;
use super::{Outcome, Severity, Subject};
use crate::profile::{Count, share};

const NAME: &str = "dates";
const OPEN: &str = "open dates";

/// Years lie in the expected range, and no date is implausible or unreadable. No row is dropped.
///
/// Customary ends for "not ended yet" are no fault; customary beginnings for "not known" are remarked, whatever the rules do.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let rules = &subject.rules.dates;
    let (mut outcomes, mut open) = (Vec::new(), Vec::new());
    let mut columns = 0;
    for (column, _) in subject.columns() {
        let Some(days) = &column.days else { continue };
        let place = subject.place(column);
        if rules.ignore.contains(&place) || column.filled.rows == 0 {
            continue;
        }
        columns += 1;
        let wrong = column.unreadable.and(days.implausible);
        let all = column.filled.rows;
        let mut fail = |found: String, advice: &str, wrong: Count| {
            let outcome = Outcome::failed(NAME, rules.severity, &place, found, advice).about(&column.name);
            outcomes.push(outcome.among(wrong.rows, all).of_few(wrong.is_small(subject.few)));
        };
        if wrong.rows > 0 {
            fail(
                format!(
                    "{} of {all} dates ({}) are unreadable, before 1900 or too far in the future",
                    wrong.rows,
                    percent(share(wrong.rows, all)),
                ),
                "correct the source, or add the column to [dates] ignore",
                wrong,
            );
        }
        let is_outside = |year: i32| year <= rules.after_year || year >= rules.before_year;
        let at = |q| {
            year_at(&days.years, q).is_some_and(|year| {
                !(year > f64::from(rules.after_year) && year < f64::from(rules.before_year))
            })
        };
        let outside = days
            .years
            .iter()
            .filter(|(year, _)| is_outside(**year))
            .map(|(_, count)| *count);
        let outside = outside.fold(Count::default(), Count::and);
        if let Some(q) = [0.01, 0.99].into_iter().find(|q| at(*q))
            // Otherwise it is said already.
            && outside.rows > wrong.rows
        {
            fail(
                format!(
                    "the year at quantile {q} is not between {} and {}",
                    rules.after_year, rules.before_year
                ),
                "correct the source, or set [dates] after_year and before_year",
                outside,
            );
        }
        if days.open_begins.rows > 0 {
            let found = format!(
                "{} of {all} dates are the customary one for a beginning that nobody knows",
                days.open_begins.rows
            );
            let outcome = Outcome::failed(OPEN, Severity::Remark, &place, found, "").about(&column.name);
            let few = days.open_begins.is_small(subject.few);
            open.push(outcome.among(days.open_begins.rows, all).of_few(few));
        }
    }
    let tested = format!("{columns} columns of dates");
    outcomes = Outcome::failures_or_passed(outcomes, NAME, rules.severity, tested);
    outcomes.extend(open);
    outcomes
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
