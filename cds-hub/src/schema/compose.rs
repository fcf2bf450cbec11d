use super::identifier::literal;
use super::recipe::{Recipe, wrapped};
use super::{HubTables, Model, Script, StoredColumn, StoredTable};
use super::{
    contract, contract_view, core_table, grants, guard, inbox, precision_view, reading_view, version_order,
    writable,
};
use crate::schema::Function;
use crate::{lineage, load, semaphore, transfer};

/// Tables that hubs made before do not have.
pub(crate) const LATER: &str = include_str!("later.sql");

/// Functions that a migration leaves as they are, but for those that somebody replaced.
pub(crate) const KEPT_FUNCTIONS: &str = include_str!("kept_functions.sql");

/// Everything an empty database needs to become a hub of these tables, in order.
#[must_use]
pub fn script(tables: &HubTables) -> Script {
    let model = Model::new(tables);
    let mut script = Script::default();
    script.file("Roles, schemas, sequence", include_str!("foundation.sql"));
    script.file("Functions that hashes need", KEPT_FUNCTIONS);
    script.file("What the hub notes about itself", include_str!("internal.sql"));
    raw_value(&mut script);
    script.file("What was added later", LATER);
    script.file("Parameters, lock, errors, history", include_str!("config.sql"));
    for table in model.tables() {
        add_table(&mut script, table);
    }
    views(&mut script, &model);
    functions(&mut script, &model);
    triggers(&mut script, &model);
    rights_and_comments(&mut script, &model);
    script
}

/// Adds everything that keeps the rows of one table.
pub(crate) fn add_table(script: &mut Script, table: &StoredTable) {
    script.heading(format!("Table {}", table.name));
    core_table::tables(script, table);
    inbox::inboxes(script, table);
    script.push(recipe(table, 1));
}

/// Adds the note which columns make the hash of a table.
pub(crate) fn recipe(table: &StoredTable, version: i32) -> String {
    let list = |columns: &mut dyn Iterator<Item = &StoredColumn>| {
        wrapped(&columns.map(|c| literal(&c.name)).collect::<Vec<_>>(), "  ")
    };
    let recipe = Recipe::of(table);
    format!(
        "INSERT INTO core.recipe (table_name, version, columns, added) VALUES ({}, {version}, ARRAY[\n{}]::text[], \
         ARRAY[\n{}]::text[])",
        literal(&table.name),
        list(&mut recipe.columns()),
        list(&mut recipe.added())
    )
}

/// Adds all views.
pub(crate) fn views(script: &mut Script, model: &Model) {
    for table in model.tables() {
        script.heading(format!("Views of {}", table.name));
        contract_view::contract_view(script, table);
        // Views of last versions call it.
        if let Some(newer) = version_order::function(table) {
            script.push(newer.sql);
        }
        reading_view::reading_views(script, table);
    }
    script.heading("Views of parameters, of the queue of calculated values, and of sources");
    reading_view::fixed_views(script);
    precision_view::precision_views(script);
}

/// The functions of all parts.
pub(crate) fn all_functions(model: &Model) -> Vec<Function> {
    let mut all: Vec<Function> = model
        .tables()
        .iter()
        .filter_map(version_order::function)
        .collect();
    all.extend(semaphore::functions(model));
    all.extend(transfer::functions(model));
    all.extend(load::functions(model));
    all.extend(contract::functions(model));
    all.extend(writable::functions(model));
    all.extend(lineage::functions(model));
    all.push(guard::function());
    all
}

/// Adds the functions, closed to everybody but the roles they name.
pub(crate) fn functions(script: &mut Script, model: &Model) {
    script.heading("Functions");
    let mut opened: Vec<(&[&str], Vec<String>)> = Vec::new();
    for function in all_functions(model) {
        script.push(function.sql);
        match opened.iter_mut().find(|(roles, _)| *roles == function.roles) {
            Some((_, signatures)) => signatures.push(function.signature),
            None => opened.push((function.roles, vec![function.signature])),
        }
    }
    script.push("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA db, core, db2frontend_in FROM PUBLIC");
    for (roles, signatures) in opened.iter().filter(|(roles, _)| !roles.is_empty()) {
        script.push(format!(
            "GRANT EXECUTE ON FUNCTION\n{}\n  TO {}",
            wrapped(signatures, "  "),
            roles.join(", ")
        ));
    }
}

/// Adds the triggers, whose functions have to be there.
pub(crate) fn triggers(script: &mut Script, model: &Model) {
    script.heading("Triggers");
    contract::triggers(script, model);
    writable::triggers(script, model);
    guard::triggers(script);
}

/// Adds the rights of all roles and the comments of all columns.
pub(crate) fn rights_and_comments(script: &mut Script, model: &Model) {
    script.heading("Rights");
    grants::grants(script, model);
    script.heading("Comments");
    for table in model.tables() {
        for schema in table.inboxes().iter().chain(&["db_log"]) {
            inbox::comments(script, schema, table);
        }
    }
}

/// The table of values that a raw cell's text does not tell.
pub(crate) fn raw_value(script: &mut Script) {
    script.file("Values of raw cells", include_str!("raw_value.sql"));
}
