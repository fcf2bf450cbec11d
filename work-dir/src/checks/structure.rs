use polars::prelude::DataType;
use table_description::{Column, FhirType};

use super::{Outcome, Severity, Subject};
use crate::profile::Source;

const NAME: &str = "structure";

/// Columns have the declared types, and those that every row needs are there.
pub(crate) fn test(subject: &Subject<'_>, source: &Source) -> Vec<Outcome> {
    let severity = subject.rules.structure.severity;
    let mut outcomes = Vec::new();
    if subject.profile.rows.rows == 0 {
        return vec![Outcome::passed(NAME, severity, "no rows")];
    }
    match subject.description {
        Some(table) => {
            let beside: Vec<String> = table.columns.iter().filter_map(Column::precision_name).collect();
            for (name, dtype) in source.columns() {
                if *dtype == DataType::String && beside.iter().any(|beside| beside == name.as_str()) {
                    continue;
                }
                let place = format!("{}.{name}", subject.profile.table);
                let Some(position) = table.position(name) else {
                    let found = "the description has no such column";
                    let advice = "compare description and load: cds2db describe check";
                    outcomes.push(Outcome::failed(NAME, severity, &place, found, advice));
                    continue;
                };
                let declared = table.columns[position].fhir_type;
                if !fits(declared, dtype) {
                    let found = format!("declared {declared}, but the file has {dtype}");
                    let advice = "load the table again with --override, or correct the description";
                    outcomes.push(Outcome::failed(NAME, severity, &place, found, advice));
                }
            }
            for column in table.columns.iter().filter(|c| c.path().as_str() == "id") {
                if table.resource.is_some() && subject.profile.column(&column.name).is_none() {
                    outcomes.push(missing(subject, severity, &column.name));
                }
            }
        }
        None => {
            let signals =
                subject.profile.column("signal").is_some() || subject.profile.column("pid").is_some();
            for name in ["pid", "signal"].into_iter().filter(|_| signals) {
                if subject.profile.column(name).is_none() {
                    outcomes.push(missing(subject, severity, name));
                }
            }
            if let Some(signal) = subject.profile.column("signal") {
                let others: u64 = signal
                    .codes
                    .iter()
                    .filter(|c| c.value != subject.profile.table)
                    .map(|c| c.count.rows)
                    .sum();
                if others > 0 {
                    let place = format!("{}.signal", subject.profile.table);
                    let found = format!("{others} rows are of another signal");
                    outcomes.push(Outcome::failed(
                        NAME,
                        severity,
                        &place,
                        found,
                        "correct the load that writes the file",
                    ));
                }
            }
        }
    }
    let columns = subject.profile.columns.len();
    Outcome::failures_or_passed(outcomes, NAME, severity, format!("{columns} columns"))
}

fn missing(subject: &Subject<'_>, severity: Severity, column: &str) -> Outcome {
    let place = format!("{}.{column}", subject.profile.table);
    Outcome::failed(
        NAME,
        severity,
        &place,
        "the column is missing",
        "load the table again with --override",
    )
}

/// Whether a type of the file can hold the declared one; text always can, the other tests read it.
fn fits(declared: FhirType, dtype: &DataType) -> bool {
    match dtype {
        DataType::String | DataType::Null => true,
        DataType::Boolean => declared == FhirType::Boolean,
        DataType::Date => matches!(declared, FhirType::Date | FhirType::DateTime),
        DataType::Datetime(..) => declared == FhirType::DateTime,
        DataType::Time => declared == FhirType::Time,
        dtype if dtype.is_integer() => matches!(declared, FhirType::Integer | FhirType::Decimal),
        dtype if dtype.is_float() => declared == FhirType::Decimal,
        _ => false,
    }
}
