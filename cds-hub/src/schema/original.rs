/// How many data columns the original system's tables have. A description may go on with further ones.
const COLUMNS: [(&str, usize); 14] = [
    ("encounter", 81),
    ("patient", 22),
    ("condition", 125),
    ("medication", 62),
    ("medicationrequest", 240),
    ("medicationadministration", 119),
    ("medicationstatement", 224),
    ("observation", 143),
    ("diagnosticreport", 50),
    ("servicerequest", 68),
    ("procedure", 78),
    ("consent", 81),
    ("location", 23),
    ("pids_per_ward", 3),
];

/// How many columns of this table the original system has; all of them where it does not know the table.
pub(super) fn original_columns(table: &str) -> usize {
    COLUMNS
        .iter()
        .find(|(name, _)| *name == table)
        .map_or(usize::MAX, |(_, count)| *count)
}
