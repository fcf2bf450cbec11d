//! Forgeries tried for real: a module's role is refused, and what somebody with more rights did is noticed.

use std::collections::BTreeSet;

use cds_hub::check::Rule;
use cds_hub::{Hub, HubTables};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::rights::{CDS2DB, DATAPROCESSOR, FRONTEND};
use crate::server;
use crate::sql::{one, rows, run};

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
