//! The original's start.sql, run on a hub again or in a newer release, replaces functions and views of the same names. The hub
//! refuses; where it was not guarded, the check names what was replaced and a migration repairs it.

use cds_hub::check::Rule;
use cds_hub::migrate::Change;
use cds_hub::{Hub, HubTables};
use sqlx::AssertSqlSafe;

use crate::server::hub;

/// What a newer start.sql does, statement by statement, and the object it is about.
const START_SQL: [(&str, &str); 8] = [
    (
        "CREATE OR REPLACE FUNCTION db.data_transfer_stop(module character varying DEFAULT 'a', msg character varying DEFAULT 'b') RETURNS boolean \
         LANGUAGE sql AS 'SELECT false'",
        "function db.data_transfer_stop(",
    ),
    (
        "CREATE OR REPLACE FUNCTION db.cron_job_data_transfer() RETURNS void LANGUAGE sql AS ''",
        "function db.cron_job_data_transfer()",
    ),
    (
        "CREATE OR REPLACE FUNCTION db.to_char_immutable(input_data date) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text'",
        "function db.to_char_immutable(",
    ),
    (
        "DROP FUNCTION db.add_hist_raw_records()",
        "function db.add_hist_raw_records()",
    ),
    (
        "CREATE OR REPLACE VIEW db2dataprocessor_out.v_db_parameter AS SELECT * FROM db_config.db_parameter WHERE false",
        "view db2dataprocessor_out.v_db_parameter",
    ),
    (
        "DROP VIEW db2dataprocessor_out.v_lineage",
        "view db2dataprocessor_out.v_lineage",
    ),
    (
        "CREATE OR REPLACE VIEW cds2db_out.v_temp_calculated_items AS SELECT * FROM cds2db_in.temp_calculated_items LIMIT 0",
        "view cds2db_out.v_temp_calculated_items",
    ),
    (
        "DO $$ DECLARE t record; BEGIN SELECT tgname, tgrelid::regclass AS name INTO STRICT t FROM pg_trigger \
         WHERE NOT tgisinternal AND tgrelid = 'db_log.patient'::regclass ORDER BY 1 LIMIT 1; \
         EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.name); END $$",
        "on db_log.patient",
    ),
];

async fn broken(hub: &Hub) -> Vec<String> {
    let findings = hub.check(&HubTables::standard(), 10).await.unwrap();
    let installed = findings.into_iter().filter(|f| f.rule == Rule::Installed);
    installed.map(|f| f.place).collect()
}

async fn run(hub: &Hub, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(hub.pool()).await.map(drop)
}

#[tokio::test]
async fn a_newer_start_sql_is_refused_object_by_object() {
    let hub = hub().await;
    for (sql, object) in START_SQL {
        let error = run(&hub, sql).await.expect_err(object).to_string();
        assert!(error.contains("belongs to the hub"), "{sql}: {error}");
        assert_eq!(broken(&hub).await, [] as [String; 0], "{sql}");
    }
    // What is the site's own may come and go.
    for sql in [
        "CREATE FUNCTION db.site_report() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION db.site_report() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "DROP FUNCTION db.site_report()",
        "CREATE VIEW cds2db_out.v_site AS SELECT * FROM cds2db_out.v_patient",
        "DROP VIEW cds2db_out.v_site",
        "GRANT SELECT ON cds2db_out.v_patient TO db_user; COMMENT ON VIEW cds2db_out.v_patient IS 'x'",
    ] {
        run(&hub, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    assert_eq!(broken(&hub).await, [] as [String; 0]);
}

#[tokio::test]
async fn what_was_replaced_is_named_and_migrate_repairs_it() {
    let hub = hub().await;
    let tables = HubTables::standard();
    for (sql, object) in START_SQL {
        // As on a hub whose owner may not make event triggers.
        run(
            &hub,
            &format!("SET cds_hub.changing = 'on'; {sql}; RESET cds_hub.changing"),
        )
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
        let named = broken(&hub).await;
        assert!(named.len() == 1 && named[0].contains(object), "{sql}: {named:?}");
        let plan = hub.migrate(&tables, true).await.unwrap();
        assert!(
            plan.is_applied() && plan.changes() == [Change::Renew],
            "{sql}: {plan}"
        );
        assert_eq!(broken(&hub).await, [] as [String; 0], "{sql}");
        assert!(hub.migrate(&tables, true).await.unwrap().changes().is_empty());
    }
    let beside =
        "CREATE FUNCTION db.data_transfer_start(module text) RETURNS boolean LANGUAGE sql AS 'SELECT true'";
    run(&hub, beside).await.unwrap();
    let named = broken(&hub).await;
    assert!(
        named.len() == 1
            && named[0].contains("db.data_transfer_start(")
            && named[0].contains("was added beside ours"),
        "{named:?}"
    );
    hub.migrate(&tables, true).await.unwrap();
    assert_eq!(broken(&hub).await, [] as [String; 0]);
}
