use super::recipe::wrapped;
use super::{Kind, Script, StoredTable, identifier, seen};

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
    let key = key(table);
    format!(
        "FROM core.{} t\nLEFT JOIN core.{} s ON {}\nLEFT JOIN core.import a ON a.no = t.import_no\n\
         LEFT JOIN core.import l ON l.no = coalesce({}, t.import_no)",
        identifier(&table.name),
        identifier(&seen::name(table)),
        seen::on("s", &key),
        seen::import_no("s", &key),
    )
}

fn key(table: &StoredTable) -> String {
    format!("t.{}", identifier(&table.key_column()))
}

fn columns(table: &StoredTable) -> String {
    let mut columns = vec![format!("t.{}", identifier(&table.id_column()))];
    if let Some(raw_id) = table.raw_id_column() {
        columns.push(format!("t.{}", identifier(&raw_id)));
    }
    let key = key(table);
    columns.extend([
        "t.input_datetime".to_owned(),
        "l.checked AS last_check_datetime".to_owned(),
        format!(
            "CASE WHEN {} THEN l.seen_status ELSE 'input' END::varchar AS current_dataset_status",
            seen::again("s", &key)
        ),
        "a.input_nr AS input_processing_nr".to_owned(),
        "l.last_nr AS last_processing_nr".to_owned(),
    ]);
    if table.kind == Kind::Raw {
        columns.push(format!(
            "{} AS raw_already_processed",
            seen::already_processed("s", &key)
        ));
    }
    columns.extend(table.columns.iter().map(|c| format!("t.{}", identifier(&c.name))));
    columns.push("encode(uuid_send(t.hash), 'hex') AS hash_index_col".to_owned());
    wrapped(&columns, "  ")
}
