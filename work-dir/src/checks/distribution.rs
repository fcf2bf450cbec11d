use super::{Outcome, Ratio, Severity, Subject};
use crate::profile::{Kind, Numbers, ratio};

const NAME: &str = "distribution";
/// The same at the other quantiles.
const TAILS: &str = "tails";
/// Quantiles that are compared, as the original system does.
const COMPARED: [f64; 7] = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999];

/// Quantiles lie near those of a reference distribution.
pub(crate) fn test(subject: &Subject<'_>) -> Vec<Outcome> {
    let table = &subject.profile.table;
    let mut outcomes = Vec::new();
    for (column, _) in subject
        .columns()
        .filter(|(column, _)| column.kind == Kind::Number)
    {
        let place = subject.place(column);
        if let (Some(numbers), Some(reference)) =
            (&column.numbers, subject.references.of_column(table, &column.name))
        {
            let compared = compare(subject, &place, numbers, reference).into_iter();
            outcomes.extend(compared.map(|outcome| outcome.about(&column.name)));
        }
        for group in &column.groups {
            let reference = subject
                .references
                .of_group(table, &column.name, &group.code, &group.unit);
            if let Some(reference) = reference {
                let place = format!("{place}[{}|{}]", group.code, group.unit);
                let compared = compare(subject, &place, &group.numbers, &reference).into_iter();
                outcomes.extend(compared.map(|o| o.about_group(&column.name, &group.code, &group.unit)));
            }
        }
    }
    if outcomes.is_empty() {
        let severity = subject.rules.distribution.severity;
        outcomes.push(Outcome::skipped(
            NAME,
            severity,
            "no reference distribution for the table",
        ));
    }
    outcomes
}

/// Compares the quantiles of numbers with those of a reference.
fn compare(subject: &Subject<'_>, place: &str, numbers: &Numbers, reference: &[(f64, f64)]) -> Vec<Outcome> {
    let rules = &subject.rules.distribution;
    if numbers.count.rows < rules.min_rows {
        let why = format!(
            "{place} has {} numbers; {} are needed",
            numbers.count.rows, rules.min_rows
        );
        return vec![Outcome::skipped(NAME, rules.severity, why)];
    }
    let rows = numbers.count.rows;
    let ratios = ratios(numbers, reference);
    let is_median = |r: &Ratio| (r.q - 0.5).abs() < 1e-12;
    let too_far = |r: &&Ratio| r.ratio > if is_median(r) { rules.median } else { rules.tail };
    let mut outcomes = Vec::new();
    let mut fail = |test: &str, severity: Severity, worst: &Ratio, limit: f64| {
        let direction = if worst.value > worst.reference {
            "high"
        } else {
            "low"
        };
        let found = format!(
            "at quantile {} the values are {:.1} times too {direction}; {limit} times may be",
            worst.q, worst.ratio
        );
        let mut outcome = Outcome::failed(test, severity, place, found, advice(worst)).among(rows, rows);
        outcome.ratios.clone_from(&ratios);
        outcomes.push(outcome);
    };
    if let Some(median) = ratios.iter().find(|r| is_median(r)).filter(too_far) {
        fail(NAME, rules.severity, median, rules.median);
    }
    let tails = ratios.iter().filter(|r| !is_median(r)).filter(too_far);
    if let Some(worst) = tails.max_by(|a, b| a.ratio.total_cmp(&b.ratio)) {
        fail(TAILS, rules.tails, worst, rules.tail);
    }
    if outcomes.is_empty() {
        let worst = ratios.iter().map(|r| r.ratio).fold(1.0, f64::max);
        let mut outcome = Outcome::passed(NAME, rules.severity, format!("at most {worst:.2} times away"));
        outcome.place = place.to_owned();
        outcome.ratios = ratios;
        outcomes.push(outcome);
    }
    outcomes
}

/// The quantiles that both have, side by side.
pub(crate) fn ratios(numbers: &Numbers, reference: &[(f64, f64)]) -> Vec<Ratio> {
    let compared = reference
        .iter()
        .filter(|(q, _)| COMPARED.iter().any(|c| (c - q).abs() < 1e-12));
    compared
        .filter_map(|&(q, reference)| {
            let value = numbers.at(q)?;
            Some(Ratio {
                q,
                value,
                reference,
                ratio: ratio(value, reference)?,
            })
        })
        .collect()
}

/// What the factor looks like.
fn advice(worst: &Ratio) -> String {
    let factor = worst.value / worst.reference;
    let known = [1000.0, 100.0, 10.0, 0.1, 0.01, 0.001];
    let near = known.into_iter().find(|k| (factor / k).ln().abs() < 0.25);
    match near {
        Some(k) => format!(
            "it looks like a unit mistaken by a factor of {k}: correct the unit or the values, or the reference"
        ),
        None => "check unit and source, or correct the reference".to_owned(),
    }
}
