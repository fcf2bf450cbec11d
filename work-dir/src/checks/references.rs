use super::subject::percent;
use super::{Outcome, Subject};
use crate::profile::share;

const NAME: &str = "references";

/// Patients and encounters that rows refer to are in the run.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let rules = &subject.rules.references;
    let mut outcomes = Vec::new();
    let mut columns = 0;
    for (column, role) in subject.columns() {
        let Some(target) = role.target else { continue };
        let Some(unknown) = column.unknown else {
            let why = format!(
                "{} is not compared: the run has no {} table",
                column.name,
                target.table()
            );
            outcomes.push(Outcome::skipped(NAME, rules.severity, why));
            continue;
        };
        columns += 1;
        let part = share(unknown.rows.rows, column.filled.rows);
        if part > rules.share {
            let found = format!(
                "{} of the rows refer to a {} that is known neither to the run nor to those before ({} different ones)",
                percent(part),
                target.table(),
                unknown.ids
            );
            let advice = format!("load {} for the same patients", target.table());
            let few = unknown.rows.is_small(subject.few);
            let outcome = Outcome::failed(NAME, rules.severity, &subject.place(column), found, advice);
            let outcome = outcome
                .about(&column.name)
                .among(unknown.rows.rows, column.filled.rows);
            outcomes.push(outcome.of_few(few));
        }
    }
    let tested = format!("{columns} columns of references");
    Outcome::failures_or_passed(outcomes, NAME, rules.severity, tested)
}
