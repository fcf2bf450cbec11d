use super::{Kind, Script, StoredTable, identifier};

/// Adds `db_log.<name>`: the permanent rows as the contract shows them.
///
/// The joins are outer ones, so that the planner drops those whose columns a query does not use.
pub(super) fn contract_view(script: &mut Script, table: &StoredTable) {
    let name = identifier(&table.name);
    script.push(format!(
        "CREATE VIEW db_log.{name} AS\nSELECT\n  {}\n{}",
        columns(table).join(",\n  "),
        source(table, "t", "s", "l") + "\nLEFT JOIN core.import a ON a.no = t.import_no"
    ));
}

/// The rows with when they were confirmed last: `t` the row, `s` its companion, `l` the import that confirmed it.
pub(super) fn source(table: &StoredTable, t: &str, s: &str, l: &str) -> String {
    let (name, key) = (identifier(&table.name), table.key_column());
    let seen = format!("{}_seen", table.name);
    let (seen, key) = (identifier(&seen), identifier(&key));
    format!(
        "FROM core.{name} {t}\nLEFT JOIN core.{seen} {s} ON {s}.id = {t}.{key}\nLEFT JOIN core.import {l} ON {l}.no \
         = coalesce({s}.import_no, {t}.import_no)"
    )
}

pub(super) fn columns(table: &StoredTable) -> Vec<String> {
    let mut columns = vec![format!("t.{}", identifier(&table.id_column()))];
    if let Some(raw_id) = table.raw_id_column() {
        columns.push(format!("t.{}", identifier(&raw_id)));
    }
    columns.extend(
        [
            "t.input_datetime",
            "l.checked AS last_check_datetime",
            "CASE WHEN s.seen_again THEN l.seen_status ELSE 'input' END::varchar AS current_dataset_status",
            "a.input_nr AS input_processing_nr",
            "l.last_nr AS last_processing_nr",
        ]
        .map(str::to_owned),
    );
    if table.kind == Kind::Raw {
        columns.push("s.raw_already_processed".to_owned());
    }
    columns.extend(table.columns.iter().map(|c| format!("t.{}", identifier(&c.name))));
    columns.push("replace(t.hash::text, '-', '') AS hash_index_col".to_owned());
    columns
}
