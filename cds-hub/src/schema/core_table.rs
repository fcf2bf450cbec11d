use super::index::Index;
use super::{Kind, Script, StoredTable, identifier, seen};

/// Adds the permanent table and its companions.
pub(super) fn tables(script: &mut Script, table: &StoredTable) {
    script.push(wide(table));
    for statement in seen::create(table) {
        script.push(statement);
    }
    match table.kind {
        Kind::Raw => script.push(format!(
            "CREATE TABLE core.{} (\n  id integer NOT NULL\n)",
            identifier(&format!("{}_open", table.name))
        )),
        Kind::Typed => link(script, table),
        Kind::Form | Kind::Core | Kind::Submodule => {}
    }
    for index in Index::of(table) {
        script.push(index.sql());
    }
}

fn wide(table: &StoredTable) -> String {
    let id = table.id_column();
    let mut lines = match table.kind {
        Kind::Raw | Kind::Typed => vec![format!("{} integer PRIMARY KEY", identifier(&id))],
        Kind::Form | Kind::Core | Kind::Submodule => vec![
            "row_id integer PRIMARY KEY DEFAULT nextval('core.row_seq')".to_owned(),
            format!("{} integer", identifier(&id)),
        ],
    };
    if let Some(raw_id) = table.raw_id_column() {
        lines.push(format!("{} integer NOT NULL", identifier(&raw_id)));
    }
    lines.push("import_no integer NOT NULL".to_owned());
    lines.push("input_datetime timestamp NOT NULL".to_owned());
    lines.extend(
        table
            .columns
            .iter()
            .map(|c| format!("{} {}", identifier(&c.name), c.sql_type())),
    );
    if table.has_meta() {
        lines.push("meta_digest bigint NOT NULL".to_owned());
    }
    lines.push("hash uuid NOT NULL".to_owned());
    format!(
        "CREATE TABLE core.{} (\n  {}\n)",
        identifier(&table.name),
        lines.join(",\n  ")
    )
}

fn link(script: &mut Script, table: &StoredTable) {
    let name = format!("{}_link", table.name);
    script.push(format!(
        "CREATE TABLE core.{} (\n  raw_id integer NOT NULL,\n  typed_id integer NOT NULL,\n  \
         import_no integer NOT NULL,\n  PRIMARY KEY (raw_id, typed_id)\n)",
        identifier(&name)
    ));
}
