use super::{Kind, Model, Script, StoredTable, identifier};

/// Rights that do not depend on the tables.
const FIXED: &str = include_str!("grants.sql");

/// Adds the rights of all roles: what the description of the roles needs, and no more.
///
/// A module writes into its inbox and reads its views. The Rust programs of a module also write its part of the core
/// directly; they log in as the same role.
pub(super) fn grants(script: &mut Script, model: &Model) {
    script.push(FIXED);
    for (role, inbox, output, kinds) in [
        (
            "cds2db_user",
            "cds2db_in",
            "cds2db_out",
            [Kind::Raw, Kind::Typed].as_slice(),
        ),
        (
            "db2dataprocessor_user",
            "db2dataprocessor_in",
            "db2dataprocessor_out",
            [Kind::Form, Kind::Core, Kind::Submodule].as_slice(),
        ),
        (
            "db2frontend_user",
            "db2frontend_in",
            "db2frontend_out",
            [].as_slice(),
        ),
    ] {
        script.push(format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {inbox} TO {role}"
        ));
        script.push(format!("GRANT SELECT ON ALL TABLES IN SCHEMA {output} TO {role}"));
        for table in model.tables().iter().filter(|t| kinds.contains(&t.kind)) {
            core(script, table, role);
        }
    }
    script.push("GRANT SELECT ON ALL TABLES IN SCHEMA db_log TO db_log_user");
    for table in model.of(Kind::Typed) {
        script.push(format!(
            "GRANT SELECT ON db_log.{} TO cds2db_user",
            identifier(&table.name)
        ));
    }
}

/// Rows of the core are added and never removed; only what is overwritten in place may be updated.
fn core(script: &mut Script, table: &StoredTable, role: &str) {
    let name = identifier(&table.name);
    script.push(format!("GRANT SELECT, INSERT ON core.{name} TO {role}"));
    let mut changing: Vec<String> = table
        .columns
        .iter()
        .filter(|c| c.meta)
        .map(|c| identifier(&c.name).into_owned())
        .collect();
    if !changing.is_empty() {
        changing.push("meta_digest".to_owned());
        // References that no encounter fitted are worked out again when one comes.
        let calculated = table
            .columns
            .iter()
            .filter(|c| table.kind == Kind::Typed && !c.hashed && !c.meta);
        changing.extend(calculated.map(|c| identifier(&c.name).into_owned()));
        script.push(format!(
            "GRANT UPDATE ({}) ON core.{name} TO {role}",
            changing.join(", ")
        ));
    }
    let companion = |suffix: &str| identifier(&format!("{}_{suffix}", table.name)).into_owned();
    script.push(format!("GRANT SELECT ON core.{} TO {role}", companion("seen")));
    match table.kind {
        Kind::Raw => script.push(format!(
            "GRANT SELECT, INSERT, DELETE ON core.{} TO {role}",
            companion("open")
        )),
        Kind::Typed => script.push(format!(
            "GRANT SELECT, INSERT ON core.{} TO {role}",
            companion("link")
        )),
        Kind::Form | Kind::Core | Kind::Submodule => {}
    }
}
