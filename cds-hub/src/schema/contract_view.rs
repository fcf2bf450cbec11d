use super::recipe::wrapped;
use super::{Kind, Script, StoredTable, identifier};

/// Adds `db_log.<name>`: the permanent rows as the contract shows them.
///
/// The joins are outer ones, so that the planner drops those whose columns a query does not use.
pub(super) fn contract_view(script: &mut Script, table: &StoredTable) {
    let name = identifier(&table.name);
    script.push(format!(
        "CREATE VIEW db_log.{name} AS\nSELECT\n{}\n{}",
        columns(table),
        source(table)
    ));
}

/// `t` the row, `s` its companion, `a` the import that brought it, `l` the import that confirmed it last.
fn source(table: &StoredTable) -> String {
    let (seen, key) = (format!("{}_seen", table.name), table.key_column());
    format!(
        "FROM core.{} t\nLEFT JOIN core.{} s ON s.id = t.{}\nLEFT JOIN core.import a ON a.no = t.import_no\n\
         LEFT JOIN core.import l ON l.no = coalesce(s.import_no, t.import_no)",
        identifier(&table.name),
        identifier(&seen),
        identifier(&key)
    )
}

fn columns(table: &StoredTable) -> String {
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
    columns.push("encode(uuid_send(t.hash), 'hex') AS hash_index_col".to_owned());
    wrapped(&columns, "  ")
}
