use super::subject::percent;
use super::{Outcome, Subject};

const NAME: &str = "nulls";

/// Columns that every row needs are filled.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let rules = &subject.rules.nulls;
    let mut outcomes = Vec::new();
    let mut columns = 0;
    for (column, role) in subject.columns() {
        let place = subject.place(column);
        let own = rules.columns.get(&place).copied();
        if own.is_none() && !role.required {
            continue;
        }
        columns += 1;
        let missing = column.null_share();
        // A column of the site's own may miss a share; ids and patients may not miss.
        if missing > own.unwrap_or(0.0) {
            let found = format!("{} of the rows have no value", percent(missing));
            let advice = "correct the source, or set a share under [nulls.columns]";
            let few = column.empty.is_small(subject.few) || column.filled.is_small(subject.few);
            let outcome = Outcome::failed(NAME, rules.severity, &place, found, advice).about(&column.name);
            let rows = column.empty.rows + column.filled.rows;
            outcomes.push(outcome.among(column.empty.rows, rows).of_few(few));
        }
    }
    let tested = format!("{columns} columns that must be filled");
    Outcome::failures_or_passed(outcomes, NAME, rules.severity, tested)
}
