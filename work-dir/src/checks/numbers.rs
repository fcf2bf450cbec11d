use super::{Outcome, Subject};
use crate::profile::Kind;

const NAME: &str = "numbers";

/// Every number can be read and is finite.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let severity = subject.rules.numbers.severity;
    let mut outcomes = Vec::new();
    let numbers = subject
        .columns()
        .filter(|(column, _)| column.kind == Kind::Number);
    let mut count = 0;
    for (column, _) in numbers {
        count += 1;
        let bad = column.unreadable.rows;
        if bad > 0 {
            let found = format!("{bad} of {} values are no finite number", column.filled.rows);
            let advice = "correct the source or the column's type in the description";
            let outcome = Outcome::failed(NAME, severity, &subject.place(column), found, advice);
            outcomes.push(
                outcome
                    .about(&column.name)
                    .among(bad, column.filled.rows)
                    .of_few(column.unreadable.is_small(subject.few)),
            );
        }
    }
    Outcome::failures_or_passed(outcomes, NAME, severity, format!("{count} columns of numbers"))
}
