//! What a module's role can do: every function, table and sequence against what is meant.

use std::collections::BTreeSet;

use cds_hub::HubTables;
use cds_hub::schema::{Kind, Model};

use crate::server;

pub(crate) const CDS2DB: &str = "cds2db_user";
pub(crate) const DATAPROCESSOR: &str = "db2dataprocessor_user";
pub(crate) const FRONTEND: &str = "db2frontend_user";

/// Functions of the original, which all modules call.
const CONTRACT: &[&str] = &[
    "add_hist_raw_records",
    "copy_core_dp_in_to_db_log",
    "copy_fe_dp_in_to_db_log",
    "copy_fe_fe_in_to_db_log",
    "copy_raw_cds_in_to_db_log",
    "copy_submodules_dp_in_to_db_log",
    "copy_type_cds_in_to_db_log",
    "get_last_processing_nr_typed",
    "set_old_calculated_items",
    "log_table_view_structure",
    "take_over_last_check_date",
];
const SEMAPHORE: &[&str] = &[
    "data_transfer_get_lock_module",
    "data_transfer_reset_lock",
    "data_transfer_start",
    "data_transfer_status",
    "data_transfer_stop",
    "error_log",
];
/// What the Rust programs of all modules call.
const PROGRAMS: &[&str] = &[
    "acquire_lock",
    "assert_lock",
    "lock_holder",
    "lock_waits",
    "raw_moment",
    "release_lock",
    "renew_lock",
    "show_progress",
    "transfer_due",
];
/// What the loader calls besides functions of single tables.
const LOADER: &[&str] = &[
    "begin_load",
    "build_index",
    "cores",
    "finish_load",
    "keep_defects",
    "keep_precision",
    "keep_unanswered",
    "keep_values",
    "mark_deleted",
    "mark_returned",
    "missing_indexes",
    "move_census",
    "move_watermarks",
    "part_begins",
    "refuse",
    "set_indexes_aside",
    "spread_load",
    "sweep",
];

/// The functions each role is meant to execute, as `schema.name`.
fn meant(role: &str) -> BTreeSet<String> {
    let model = Model::new(&HubTables::standard());
    let mut all: BTreeSet<String> = SEMAPHORE.iter().map(|f| format!("db.{f}")).collect();
    if !role.starts_with("db_") {
        all.extend(CONTRACT.iter().map(|f| format!("db.{f}")));
        all.extend(PROGRAMS.iter().map(|f| format!("core.{f}")));
        all.extend(["db.to_char_immutable".to_owned(), "db.content_hash".to_owned()]);
    }
    for table in model.tables() {
        let name = &table.name;
        let fhir = matches!(table.kind, Kind::Raw | Kind::Typed);
        if role == CDS2DB && fhir {
            all.insert(format!("core.tell_{name}"));
            if table.kind == Kind::Raw {
                all.insert(format!("core.queue_{name}"));
            }
            if table.has_meta() {
                all.insert(format!("core.overwrite_{name}"));
            }
        }
        if role == CDS2DB && table.kind == Kind::Typed {
            all.insert(format!("core.typed_{name}"));
            all.insert(format!("core.link_{name}"));
            if table.columns.iter().any(|c| !c.hashed && !c.meta) {
                all.insert(format!("core.set_calculated_{name}"));
            }
        }
        if [CDS2DB, DATAPROCESSOR].contains(&role) && fhir && table.fhir_id_column().is_some() {
            all.insert(format!("core.newer_{name}"));
        }
        let as_of = match table.kind {
            Kind::Raw => role == CDS2DB,
            Kind::Typed => [CDS2DB, DATAPROCESSOR].contains(&role),
            Kind::Form => [DATAPROCESSOR, FRONTEND].contains(&role),
            Kind::Core | Kind::Submodule => role == DATAPROCESSOR,
        };
        if as_of {
            all.insert(format!("db.{name}_as_of"));
        }
    }
    match role {
        CDS2DB => all.extend(LOADER.iter().map(|f| format!("core.{f}"))),
        DATAPROCESSOR => {
            all.insert("core.note_lineage".to_owned());
        }
        "db_user" => {
            all.insert("db.cron_job_data_transfer".to_owned());
        }
        _ => {}
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_executes_the_functions_meant_for_it_and_no_other() {
    let hub = server::hub().await;
    for role in cds_hub::schema::ROLES {
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT format('%s.%s', n.nspname, p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname ~ '^(cds2db|db2|db_|db$|core$)' AND has_function_privilege($1, p.oid, 'EXECUTE')",
        )
        .bind(role)
        .fetch_all(hub.pool())
        .await
        .unwrap();
        let found: BTreeSet<String> = found.into_iter().collect();
        let meant = meant(role);
        assert_eq!(
            (
                found.difference(&meant).collect::<Vec<_>>(),
                meant.difference(&found).collect::<Vec<_>>()
            ),
            (vec![], vec![]),
            "{role}: too many, missing"
        );
    }
}

/// Relations outside the core: schema and what each role may do there, to all of them.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_has_the_rights_meant_for_it_and_no_other() {
    let hub = server::hub().await;
    let model = Model::new(&HubTables::standard());
    let found: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT r.name, n.nspname::text, c.relname::text, string_agg(p.privilege, ',' ORDER BY p.privilege)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN unnest($1::text[]) AS r(name)
         CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p(privilege)
         WHERE n.nspname ~ '^(cds2db|db2|db_|db$|core$)' AND c.relkind IN ('r', 'v')
           AND (has_table_privilege(r.name, c.oid, p.privilege)
                OR p.privilege IN ('INSERT', 'UPDATE') AND has_any_column_privilege(r.name, c.oid, p.privilege))
         GROUP BY 1, 2, 3",
    )
    .bind(cds_hub::schema::ROLES.map(str::to_owned).to_vec())
    .fetch_all(hub.pool())
    .await
    .unwrap();
    let mut core_writers = 0;
    for (role, schema, relation, rights) in &found {
        let place = format!("{role} on {schema}.{relation}: {rights}");
        let own = schema
            .strip_suffix("_in")
            .is_some_and(|module| *role == format!("{module}_user"));
        let table = model.table(relation);
        let allowed: &[&str] = match (schema.as_str(), role.as_str()) {
            _ if own => &["DELETE,INSERT,SELECT,UPDATE"],
            ("cds2db_out", CDS2DB)
            | ("db2dataprocessor_out", DATAPROCESSOR)
            | ("db2frontend_out", FRONTEND) => &["SELECT"],
            ("db_log", "db_log_user") => &["DELETE,INSERT,SELECT,UPDATE"],
            ("db_log", CDS2DB) if table.is_some_and(|t| t.kind == Kind::Typed) => &["SELECT"],
            ("db_config", "db_user") => &["INSERT,SELECT,UPDATE", "SELECT"],
            ("db_config", CDS2DB | DATAPROCESSOR | FRONTEND)
                if ["db_process_control", "db_parameter"].contains(&relation.as_str()) =>
            {
                &["SELECT"]
            }
            ("db", CDS2DB | DATAPROCESSOR | FRONTEND) if relation == "data_import_hist" => &["INSERT,SELECT"],
            ("core", CDS2DB) if table.is_some_and(|t| matches!(t.kind, Kind::Raw | Kind::Typed)) => {
                core_writers += 1;
                &["INSERT,SELECT"]
            }
            ("core", CDS2DB | DATAPROCESSOR) => &["SELECT"],
            ("core", FRONTEND)
                if ["recipe", "installation", "described", "described_part"].contains(&relation.as_str()) =>
            {
                &["SELECT"]
            }
            _ => &[],
        };
        assert!(allowed.contains(&rights.as_str()), "{place}");
    }
    assert_eq!(core_writers, 28);
    let sequences: Vec<(String, String)> = sqlx::query_as(
        "SELECT r.name, c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN unnest($1::text[]) AS r(name) WHERE n.nspname ~ '^(cds2db|db2|db_|db$|core$)' AND c.relkind = 'S'
           AND (has_sequence_privilege(r.name, c.oid, 'USAGE') OR has_sequence_privilege(r.name, c.oid, 'UPDATE')
                OR has_sequence_privilege(r.name, c.oid, 'SELECT')) ORDER BY 1, 2",
    )
    .bind(cds_hub::schema::ROLES.map(str::to_owned).to_vec())
    .fetch_all(hub.pool())
    .await
    .unwrap();
    let sequences: Vec<String> = sequences
        .iter()
        .map(|(role, name)| format!("{role} {name}"))
        .collect();
    let mut meant: Vec<String> = [CDS2DB, DATAPROCESSOR, FRONTEND]
        .iter()
        .flat_map(|role| {
            [
                format!("{role} db.data_import_hist_id_seq"),
                format!("{role} db.db_seq"),
            ]
        })
        .chain(["db_log_user db.db_seq".to_owned()])
        .collect();
    meant.sort();
    assert_eq!(sequences, meant);
}
