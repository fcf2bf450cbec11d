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
        let Some(limit) = own.or(role.required.then_some(rules.share)) else {
            continue;
        };
        columns += 1;
        let missing = column.null_share();
        if missing > limit {
            let found = format!(
                "{} of the rows have no value; {} may",
                percent(missing),
                percent(limit)
            );
            let advice = "correct the source, or set a share under [nulls.columns]";
            let few = column.empty.is_small(subject.few) || column.filled.is_small(subject.few);
            outcomes.push(Outcome::failed(NAME, rules.severity, &place, found, advice).of_few(few));
        }
    }
    let tested = format!("{columns} columns that must be filled");
    Outcome::failures_or_passed(outcomes, NAME, rules.severity, tested)
}
