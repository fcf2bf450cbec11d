use super::identifier::literal;
use super::recipe::Recipe;
use super::{Kind, Script, StoredTable, identifier};

/// Adds a table's inboxes: where foreign writers put rows until the next transfer.
pub(super) fn inboxes(script: &mut Script, table: &StoredTable) {
    for schema in table.inboxes() {
        script.push(create(schema, table));
    }
}

fn create(schema: &str, table: &StoredTable) -> String {
    let id = table.id_column();
    // The frontend's rows may come with an id of their own choice, or with NULL.
    let key = if *schema == *"db2frontend_in" {
        ""
    } else {
        " PRIMARY KEY"
    };
    let mut lines = vec![format!(
        "{} integer{key} DEFAULT nextval('db.db_seq')",
        identifier(&id)
    )];
    if let Some(raw_id) = table.raw_id_column() {
        lines.push(format!("{} integer NOT NULL", identifier(&raw_id)));
    }
    lines.extend(
        [
            "input_datetime timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP",
            "last_check_datetime timestamp",
            "current_dataset_status varchar DEFAULT 'input'",
            "input_processing_nr integer",
            "last_processing_nr integer",
        ]
        .map(str::to_owned),
    );
    if table.kind == Kind::Raw {
        lines.push("raw_already_processed integer".to_owned());
    }
    lines.extend(
        table
            .columns
            .iter()
            .map(|c| format!("{} {}", identifier(&c.name), c.sql_type())),
    );
    lines.push(hash_column(table));
    format!(
        "CREATE TABLE {schema}.{} (\n  {}\n)",
        identifier(&table.name),
        lines.join(",\n  ")
    )
}

/// The definition of the generated hash.
pub(crate) fn hash_column(table: &StoredTable) -> String {
    format!(
        "hash_index_col text GENERATED ALWAYS AS (\n    {}) STORED",
        Recipe::of(table).expression("")
    )
}

/// Columns every inbox has besides ids and data.
const TECHNICAL: [&str; 7] = [
    "input_datetime",
    "last_check_datetime",
    "current_dataset_status",
    "input_processing_nr",
    "last_processing_nr",
    "raw_already_processed",
    "hash_index_col",
];

/// Whether every inbox has a column of this name that is not data.
pub(crate) fn is_technical(name: &str) -> bool {
    TECHNICAL.contains(&name)
}

/// Adds a comment to every column of one relation of a table: the expression and the type.
pub(super) fn comments(script: &mut Script, schema: &str, table: &StoredTable) {
    for column in &table.columns {
        script.push(format!(
            "COMMENT ON COLUMN {schema}.{}.{} IS {}",
            identifier(&table.name),
            identifier(&column.name),
            literal(&column.comment)
        ));
    }
}
