use super::{Kind, Model, Script, StoredTable, identifier};

/// Rights that do not depend on the tables.
const FIXED: &str = include_str!("grants.sql");

/// Rights of earlier releases that went further.
const REVOKED: &str = "REVOKE ALL ON ALL TABLES IN SCHEMA core FROM cds2db_user, db2dataprocessor_user, db2frontend_user, \
                       db_log_user, db_user;
DO $$
DECLARE
  granted record;
BEGIN
  -- A right to columns stays when that to their table is taken.
  FOR granted IN SELECT DISTINCT table_name, grantee FROM information_schema.column_privileges
                 WHERE table_schema = 'core' AND privilege_type = 'UPDATE'
                   AND grantee IN ('cds2db_user', 'db2dataprocessor_user') LOOP
    EXECUTE format('REVOKE UPDATE (%s) ON core.%I FROM %I', (
      SELECT string_agg(quote_ident(c.column_name), ', ') FROM information_schema.column_privileges c
      WHERE c.table_schema = 'core' AND c.table_name = granted.table_name AND c.grantee = granted.grantee
        AND c.privilege_type = 'UPDATE'), granted.table_name, granted.grantee);
  END LOOP;
END
$$;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA core FROM cds2db_user, db2dataprocessor_user, db2frontend_user, db_log_user, db_user";

/// Adds the rights of all roles: what the description of the roles needs, and no more.
///
/// A module writes into its inbox and reads its views. The Rust programs of a module also write its part of the core
/// directly; they log in as the same role.
pub(super) fn grants(script: &mut Script, model: &Model) {
    script.push(REVOKED);
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
    script.push("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA db_log TO db_log_user");
    for table in model.of(Kind::Typed) {
        script.push(format!(
            "GRANT SELECT ON db_log.{} TO cds2db_user",
            identifier(&table.name)
        ));
    }
}

/// Rows of the core are read by the programs of its module, and those of FHIR resources copied in: by nobody else, and
/// nothing in it is changed or removed but by functions.
fn core(script: &mut Script, table: &StoredTable, role: &str) {
    let name = identifier(&table.name);
    let companion = |suffix: &str| identifier(&format!("{}_{suffix}", table.name)).into_owned();
    let mut read = vec![name.clone().into_owned(), companion("seen")];
    match table.kind {
        Kind::Raw => read.push(companion("open")),
        Kind::Typed => read.push(companion("link")),
        Kind::Form | Kind::Core | Kind::Submodule => {}
    }
    let read: Vec<String> = read.iter().map(|t| format!("core.{t}")).collect();
    script.push(format!("GRANT SELECT ON {} TO {role}", read.join(", ")));
    if matches!(table.kind, Kind::Raw | Kind::Typed) {
        script.push(format!("GRANT INSERT ON core.{name} TO {role}"));
    }
}
