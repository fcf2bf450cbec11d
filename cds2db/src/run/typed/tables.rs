//! Tables and columns that the typing knows by name.

use table_description::TableDescription;

/// The table whose rows become the graph of encounters.
pub(crate) const ENCOUNTER: &str = "encounter";

/// The table of the wards, which is typed but neither FHIR nor melted.
pub(crate) const PIDS_PER_WARD: &str = "pids_per_ward";

/// The elements that say when something happened, in the order they are asked; only a report has `issued` among them.
const TIMES: [&str; 9] = [
    "effectivePeriod/start",
    "effectiveDateTime",
    "performedPeriod/start",
    "performedDateTime",
    "authoredOn",
    "recordedDate",
    "occurrencePeriod/start",
    "occurrenceDateTime",
    "issued",
];

pub(super) fn time_columns(table: &TableDescription) -> Vec<usize> {
    let is_report = table.resource.as_deref() == Some("DiagnosticReport");
    TIMES
        .iter()
        .filter(|path| is_report || **path != "issued")
        .filter_map(|path| table.position_of_path(path))
        .collect()
}
