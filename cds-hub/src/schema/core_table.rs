use super::{Kind, Script, StoredTable, identifier};

/// Adds the permanent table and its companions.
pub(super) fn tables(script: &mut Script, table: &StoredTable) {
    script.push(wide(table));
    let processed = if table.kind == Kind::Raw {
        ",\n  raw_already_processed integer"
    } else {
        ""
    };
    // Narrow and updated all the time: half of every page is left free and nothing that changes is indexed, so that
    // a row's versions stay on one page.
    script.push(format!(
        "CREATE TABLE core.{} (\n  id integer PRIMARY KEY,\n  import_no integer NOT NULL,\n  \
         seen_again boolean NOT NULL DEFAULT true{processed}\n) WITH (fillfactor = 45)",
        identifier(&format!("{}_seen", table.name))
    ));
    match table.kind {
        Kind::Raw => script.push(format!(
            "CREATE TABLE core.{} (\n  id integer NOT NULL\n)",
            identifier(&format!("{}_open", table.name))
        )),
        Kind::Typed => link(script, table),
        Kind::Form | Kind::Core | Kind::Submodule => {}
    }
    indexes(script, table);
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
    script.push(format!(
        "-- Query: the newest raw version of a typed row.\nCREATE INDEX {} ON core.{} (typed_id)",
        identifier(&index_name(&name, "typed_id")),
        identifier(&name)
    ));
}

fn indexes(script: &mut Script, table: &StoredTable) {
    let target = identifier(&table.name);
    let key = table.key_column();
    let mut add = |unique: &str, suffix: &str, columns: String, query: &str| {
        let name = index_name(&table.name, suffix);
        script.push(format!(
            "-- Query: {query}.\nCREATE {unique}INDEX {} ON core.{target} {columns}",
            identifier(&name)
        ));
    };
    let digest = if table.has_meta() { ", meta_digest" } else { "" };
    add(
        "UNIQUE ",
        "hash",
        format!("(hash) INCLUDE ({}{digest})", identifier(&key)),
        "which rows of a load are known",
    );
    if let Some(raw_id) = table.raw_id_column() {
        add(
            "",
            "raw_id",
            format!("({})", identifier(&raw_id)),
            "the typed rows of a confirmed raw row",
        );
    }
    if let Some(fhir_id) = table.fhir_id_column() {
        add(
            "",
            "fhir_id",
            format!("({})", identifier(fhir_id)),
            "the versions of one resource (last-version views)",
        );
    }
    for (column, query) in lookups(table) {
        add("", column, format!("({})", identifier(column)), query);
    }
    if let Some(second) = table.form_key() {
        add(
            "",
            "form_key",
            format!("(record_id, {})", identifier(second)),
            "the versions of one form (last-version views)",
        );
    }
}

/// Columns that consumers filter by, each with the query.
fn lookups(table: &StoredTable) -> Vec<(&str, &'static str)> {
    let has = |name: &str| {
        table
            .columns
            .iter()
            .find(|c| c.name == name)
            .map(|c| c.name.as_str())
    };
    match table.kind {
        Kind::Typed => {
            let of_patient = table.description.columns.iter().filter(|c| {
                matches!(c.path().as_str(), "subject/reference" | "patient/reference")
                    && has(&c.name).is_some()
            });
            let mut columns: Vec<_> = of_patient
                .map(|c| (c.name.as_str(), "the resources of a patient (dataprocessor)"))
                .collect();
            columns.extend(
                has("enc_main_encounter_calculated_ref")
                    .map(|c| (c, "the contacts of a case (dataprocessor)")),
            );
            columns
        }
        Kind::Form => ["pat_id", "fall_fhir_enc_id", "fall_pat_id"]
            .into_iter()
            .filter_map(has)
            .map(|c| (c, "what is stored about a patient or case (dataprocessor)"))
            .collect(),
        Kind::Raw | Kind::Core | Kind::Submodule => Vec::new(),
    }
}

/// A name of at most 63 bytes; a long one keeps its end, which tells the indexes of a table apart.
fn index_name(table: &str, suffix: &str) -> String {
    let room = table_description::MAX_IDENTIFIER_BYTES.saturating_sub(suffix.len() + 1);
    let mut end = table.len().min(room);
    while !table.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{suffix}", &table[..end])
}
