use super::{Outcome, Subject, ucum};

const NAME: &str = "units";
/// Wrong units that are named, the most frequent first.
const NAMED: usize = 10;

/// Units are written in UCUM. A unit that few patients share is not repeated: a text in the wrong field may be anything.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let severity = subject.rules.units.severity;
    let mut outcomes = Vec::new();
    let (mut columns, mut good) = (0, 0);
    for (column, _) in subject.columns().filter(|(_, role)| role.unit.is_some()) {
        columns += 1;
        let wrong: Vec<_> = column
            .units
            .iter()
            .filter_map(|unit| Some((unit, ucum::check(&unit.value).err()?)))
            .collect();
        good += column.units.len() - wrong.len();
        for (unit, fault) in wrong.iter().take(NAMED) {
            let place = subject.place(column);
            let rows = unit.count.rows;
            let outcome = if unit.count.is_small(subject.few) {
                let found = format!(
                    "a unit of {rows} rows and fewer than {} patients is not UCUM: {fault}",
                    subject.few
                );
                Outcome::failed(
                    NAME,
                    severity,
                    &place,
                    found,
                    "cds2db work inspect TABLE finds the rows",
                )
                .of_few(true)
            } else {
                let found = format!("{:?} in {rows} rows is not UCUM: {fault}", unit.value);
                let advice = ucum::meant(&unit.value).map_or_else(
                    || "correct the source".to_owned(),
                    |meant| format!("write {meant}"),
                );
                Outcome::failed(NAME, severity, &place, found, advice)
            };
            outcomes.push(outcome.about(&column.name).among(rows, column.filled.rows));
        }
        if wrong.len() > NAMED {
            let found = format!("{} further units are not UCUM", wrong.len() - NAMED);
            let advice = "correct the source";
            outcomes.push(Outcome::failed(
                NAME,
                severity,
                &subject.place(column),
                found,
                advice,
            ));
        }
    }
    let tested = format!("{good} units of UCUM in {columns} columns");
    Outcome::failures_or_passed(outcomes, NAME, severity, tested)
}
