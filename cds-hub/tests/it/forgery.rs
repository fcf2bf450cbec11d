//! What a module's role can do: every function, table and sequence against what is meant, and forgeries tried for real.

use std::collections::BTreeSet;

use cds_hub::check::Rule;
use cds_hub::schema::{Kind, Model};
use cds_hub::{Hub, HubTables};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::server;
use crate::sql::{one, rows, run};

const CDS2DB: &str = "cds2db_user";
const DATAPROCESSOR: &str = "db2dataprocessor_user";
const FRONTEND: &str = "db2frontend_user";

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

/// Runs statements as a role in one transaction, which is then undone; the SQLSTATE of the first that is refused.
async fn as_role(hub: &Hub, role: &str, statements: &str) -> Option<String> {
    let mut transaction = hub.pool().begin().await.unwrap();
    transaction
        .execute(AssertSqlSafe(format!("SET LOCAL ROLE {role}")))
        .await
        .unwrap();
    let error = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(&mut *transaction)
        .await
        .err()?;
    Some(error.as_database_error().unwrap().code().unwrap().into_owned())
}

/// What was done to a hub before, each as the role that did it.
#[tokio::test(flavor = "multi_thread")]
async fn no_module_can_forge_what_belongs_to_others() {
    let hub = server::hub().await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
    )
    .await;
    run(&hub, "SELECT db.copy_raw_cds_in_to_db_log()").await;
    let forged = "'patient_fe', 'db2frontend_in', '{\"record_id\": \"1\"}', '22000', ''";
    let quarantine =
        format!("INSERT INTO core.quarantine (table_name, inbox, row, sqlstate, reason) VALUES ({forged})");
    let load = "SELECT core.begin_load('m', NULL);";
    let tell = |ranges: &str| {
        format!(
            "{load} SELECT core.tell_patient_raw(currval('core.import_no_seq')::int, {ranges}, '{{}}', 1, 0, '{{}}')"
        )
    };
    // A session that began nothing has no import to name.
    let cases: &[(&str, &str, &str)] = &[
        (DATAPROCESSOR, &quarantine, "42501"),
        (CDS2DB, &quarantine, "42501"),
        (
            DATAPROCESSOR,
            "UPDATE core.watermark SET loaded_until = '2099-01-01'",
            "42501",
        ),
        (
            CDS2DB,
            "UPDATE core.watermark SET loaded_until = '2099-01-01'",
            "42501",
        ),
        (
            CDS2DB,
            "INSERT INTO core.watermark VALUES ('Patient', 'p1', '2099-01-01')",
            "42501",
        ),
        (
            DATAPROCESSOR,
            "UPDATE core.import SET last_nr = 2000000000",
            "42501",
        ),
        (CDS2DB, "UPDATE core.import SET last_nr = 2000000000", "42501"),
        (CDS2DB, "UPDATE core.import_rows SET new_ids = '{}'", "42501"),
        (
            DATAPROCESSOR,
            "UPDATE core.lease SET expires = 'infinity'",
            "42501",
        ),
        (CDS2DB, "SELECT FROM core.lease FOR UPDATE", "42501"),
        (CDS2DB, "SELECT FROM core.turn FOR UPDATE", "42501"),
        (
            CDS2DB,
            "UPDATE core.patient_raw SET pat_meta_versionid = 'x'",
            "42501",
        ),
        (
            DATAPROCESSOR,
            "INSERT INTO core.patient_fe (import_no) VALUES (1)",
            "42501",
        ),
        (
            DATAPROCESSOR,
            "INSERT INTO core.lineage VALUES ('patient', 1, 'patient_raw', 1)",
            "42501",
        ),
        (
            DATAPROCESSOR,
            "SELECT core.note_lineage('patient', '{}', '{}', '{}')",
            "CDH03",
        ),
        (DATAPROCESSOR, "SELECT core.begin_load('m', NULL)", "42501"),
        (FRONTEND, "SELECT core.begin_import('m', 'p', NULL)", "42501"),
        (
            CDS2DB,
            "SELECT core.begin_import('m', 'copy_fe_fe_in_to_db_log', NULL)",
            "42501",
        ),
        (CDS2DB, "SELECT core.begin_load('m', 2000000)", "CDH01"),
        (
            CDS2DB,
            "SELECT core.move_watermarks(1, 'Patient', ARRAY['p1'], 0)",
            "CDH01",
        ),
        (
            CDS2DB,
            "SELECT core.tell_patient_raw(1, '{[1,2)}', '{}', 1, 0, '{}')",
            "CDH01",
        ),
        (
            CDS2DB,
            "SELECT core.mark_patient_raw(1, '{[1,2)}', true)",
            "42501",
        ),
        (
            CDS2DB,
            "SELECT core.store_db2frontend_in_patient_fe(1, '{}')",
            "42501",
        ),
        (
            CDS2DB,
            "SELECT core.acquire_lock('m', 'x', gen_random_uuid(), 'infinity')",
            "CDH05",
        ),
        (
            CDS2DB,
            "SELECT core.acquire_lock('m', 'x', gen_random_uuid(), 'NaN')",
            "CDH05",
        ),
    ];
    for (role, statement, state) in cases {
        assert_eq!(
            as_role(&hub, role, statement).await.as_deref(),
            Some(*state),
            "{role}: {statement}"
        );
    }
    for (ranges, state) in [
        ("'{[1,2000000000)}'", "CDH02"),
        ("'{[1,)}'", "CDH02"),
        ("'{(,5)}'", "CDH02"),
        ("'{[-3,5)}'", "CDH02"),
    ] {
        let statement = tell(ranges).replace(
            "currval('core.import_no_seq')::int",
            "(SELECT max(no) FROM core.import)",
        );
        assert_eq!(
            as_role(&hub, CDS2DB, &statement).await.as_deref(),
            Some(state),
            "{ranges}"
        );
    }
    let others = format!(
        "{load} SELECT core.refuse((SELECT max(no) FROM core.import), 'patient_fe', '{{}}', '22000')"
    );
    assert_eq!(as_role(&hub, CDS2DB, &others).await.as_deref(), Some("CDH03"));
    let unlocked =
        format!("{load} SELECT core.finish_load((SELECT max(no) FROM core.import), gen_random_uuid())");
    assert_eq!(as_role(&hub, CDS2DB, &unlocked).await.as_deref(), Some("CDH04"));
    assert_eq!(one(&hub, "SELECT count(*) FROM core.quarantine").await, "0");
}

/// A watermark that is to come is none: it is not kept, and one that was forged is not believed.
#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_is_never_in_the_future() {
    let hub = server::hub().await;
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let ids = ["p1".to_owned()];
    let mut import = hub.begin_import(&lock).await.unwrap();
    import
        .set_watermarks("Patient", &ids, 4_000_000_000_000_000)
        .await
        .unwrap();
    import
        .keep_unanswered("Observation", &ids, 4_000_000_000_000_000)
        .await
        .unwrap();
    // An import without rows leaves nothing, but what it noted stays.
    import.commit().await.unwrap();
    lock.release(true).await.unwrap();
    assert_eq!(
        rows(&hub, "SELECT resource, loaded_until <= now() FROM core.watermark").await,
        ["Patient|true"]
    );
    assert_eq!(hub.unanswered(&["Observation".to_owned()]).await.unwrap(), ids);
    assert_eq!(hub.watermarks("Patient", &ids).await.unwrap().len(), 1);
    run(&hub, "UPDATE core.watermark SET loaded_until = '2099-01-01'").await;
    assert!(hub.watermarks("Patient", &ids).await.unwrap().is_empty());
    assert_eq!(hub.watermarks_to_come().await.unwrap(), 1);
}

/// `cds-hub check` notices what somebody with more rights did by hand.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_each_forgery() {
    let tables = HubTables::standard();
    let forgeries = [
        (
            Rule::Watermarks,
            "INSERT INTO core.watermark VALUES ('Patient', 'p1', '2099-01-01')",
        ),
        (Rule::Imports, "UPDATE core.import SET last_nr = last_nr + 1000"),
        (
            Rule::Imports,
            "UPDATE core.import SET finished = NULL WHERE no = 1",
        ),
        (Rule::Noted, "UPDATE core.import_rows SET new_ids = '{}'"),
        (
            Rule::Noted,
            "UPDATE core.import_rows SET new_ids = new_ids + '{[100000,200000)}'",
        ),
        (
            Rule::Noted,
            "UPDATE core.import_rows SET seen_ids = '{[1,2000000000)}'",
        ),
        (
            Rule::Lock,
            "UPDATE core.lease SET module = 'm', message = 'x', expires = 'infinity'",
        ),
        (
            Rule::Refused,
            "INSERT INTO core.quarantine (table_name, inbox, row, sqlstate, reason, import_no) \
             VALUES ('patient_fe', 'cds2db_in', '{}', '22000', '', 1)",
        ),
        (
            Rule::Refused,
            "INSERT INTO core.quarantine (table_name, inbox, row, sqlstate, reason) \
             VALUES ('patient_fe', 'db2frontend_in', '{}', '22000', '')",
        ),
        (
            Rule::Rights,
            "GRANT UPDATE ON core.watermark TO db2dataprocessor_user",
        ),
        (
            Rule::Rights,
            "GRANT UPDATE (pat_id) ON core.patient TO cds2db_user",
        ),
        (
            Rule::Noted,
            "INSERT INTO core.patient_raw (patient_raw_id, import_no, input_datetime, pat_id, meta_digest, hash) \
             VALUES (nextval('db.db_seq'), 1, now(), '[1]forged', 0, gen_random_uuid())",
        ),
    ];
    for (rule, forgery) in forgeries {
        let hub = server::hub().await;
        run(
            &hub,
            "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')",
        )
        .await;
        hub.transfer(std::time::Duration::ZERO).await.unwrap();
        let broken = |findings: Vec<cds_hub::check::Finding>| -> BTreeSet<String> {
            findings
                .iter()
                .filter(|f| f.rule.is_invariant())
                .map(|f| f.rule.to_string())
                .collect()
        };
        assert_eq!(broken(hub.check(&tables, 10).await.unwrap()), BTreeSet::new());
        run(&hub, forgery).await;
        assert!(
            broken(hub.check(&tables, 10).await.unwrap()).contains(&rule.to_string()),
            "{forgery}"
        );
    }
}
