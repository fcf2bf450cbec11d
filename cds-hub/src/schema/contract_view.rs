use super::recipe::wrapped;
use super::visible::visible;
use super::{Kind, Script, StoredColumn, StoredTable, identifier, seen, version_order};

/// Adds `core.<name>_rows`, the permanent rows with what is noted about them, and `db_log.<name>`, the same in order, as
/// the contract shows them.
///
/// The joins are outer ones, so that the planner drops those whose columns a query does not use. What is made from rows is
/// made from the first view: an order within it would keep the planner from asking by index.
pub(super) fn contract_view(script: &mut Script, table: &StoredTable) {
    let name = identifier(&table.name);
    let rows = version_order::rows(table);
    script.push(format!(
        "CREATE VIEW {rows} AS\nSELECT\n{}\n{}",
        columns(table),
        source(table)
    ));
    script.push(format!(
        "CREATE VIEW db_log.{name} AS\nSELECT\n{}\nFROM {rows} t\n{}",
        wrapped(&shown(table, table.columns.iter()), "  "),
        version_order::in_order(table, "t")
    ));
}

/// The names of a contract view's columns, qualified by `t`: ids, technical columns, these data columns, the hash.
pub(crate) fn shown<'a>(table: &StoredTable, data: impl Iterator<Item = &'a StoredColumn>) -> Vec<String> {
    let mut names = vec![table.id_column()];
    names.extend(table.raw_id_column());
    names.extend(TECHNICAL.iter().map(|c| (*c).to_owned()));
    if table.kind == Kind::Raw {
        names.push("raw_already_processed".to_owned());
    }
    names.extend(data.map(|c| c.name.clone()));
    names.push("hash_index_col".to_owned());
    names.iter().map(|c| format!("t.{}", identifier(c))).collect()
}

/// What is noted about every row.
const TECHNICAL: [&str; 5] = [
    "input_datetime",
    "last_check_datetime",
    "current_dataset_status",
    "input_processing_nr",
    "last_processing_nr",
];

/// `t` the row, `s` its companion, `a` the import that brought it, `l` the import that confirmed it last.
fn source(table: &StoredTable) -> String {
    let key = key(table);
    // Rows of the other tables come by functions only, in one transaction each.
    let seen_only = match table.kind {
        Kind::Raw | Kind::Typed => format!("\nWHERE {}", visible("t")),
        Kind::Form | Kind::Core | Kind::Submodule => String::new(),
    };
    format!(
        "FROM core.{} t\nLEFT JOIN core.{} s ON {}\nLEFT JOIN core.import a ON a.no = t.import_no\n\
         LEFT JOIN core.import l ON l.no = coalesce({}, t.import_no){seen_only}",
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
    if table.key_column() != table.id_column() {
        columns.push(key(table));
    }
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
