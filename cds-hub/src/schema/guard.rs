//! What keeps the hub's functions, views and triggers from being replaced by scripts of the original system.

use super::{Function, Script};

/// Said by who may change definitions, for the transaction.
pub(crate) const CHANGING: &str = "SET LOCAL cds_hub.changing = 'on'";

/// The function behind the guard.
pub(super) fn function() -> Function {
    Function {
        signature: "core.guard_definitions()".to_owned(),
        sql: include_str!("guard.sql").to_owned(),
        roles: &[],
    }
}

/// Adds the guard. Only a superuser may make one: without, the hub is checked but not guarded.
pub(super) fn triggers(script: &mut Script) {
    let mut body = String::new();
    for (name, event, tags) in [
        (
            "cds_hub_guard",
            "ddl_command_end",
            "'CREATE FUNCTION', 'CREATE VIEW', 'CREATE TRIGGER'",
        ),
        (
            "cds_hub_guard_drop",
            "sql_drop",
            "'DROP FUNCTION', 'DROP ROUTINE', 'DROP VIEW', 'DROP TRIGGER'",
        ),
    ] {
        body.push_str(&format!(
            "  IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = '{name}') THEN
    CREATE EVENT TRIGGER {name} ON {event} WHEN TAG IN ({tags}) EXECUTE FUNCTION core.guard_definitions();
  END IF;
"
        ));
    }
    script.push(format!(
        "DO $guard$\nBEGIN\n{body}EXCEPTION WHEN insufficient_privilege THEN NULL;\nEND\n$guard$"
    ));
}
