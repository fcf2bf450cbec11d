//! Older hubs come to the present description, with nothing lost.

use std::sync::Arc;

use cds_hub::migrate::{Change, Question};
use cds_hub::{Hub, HubTables};
use sqlx::{AssertSqlSafe, Executor as _};
use table_description::{FhirType, TableDescription};

use crate::server::empty_database;

/// The standard tables with one FHIR table changed.
fn with(table: &str, change: impl Fn(&mut TableDescription)) -> HubTables {
    let mut tables = HubTables::standard();
    for description in &mut tables.fhir.tables {
        if description.name == table {
            change(Arc::make_mut(description));
        }
    }
    tables
}

async fn older(tables: &HubTables) -> Hub {
    let hub = Hub::connect(&empty_database().await).await.unwrap();
    hub.init(tables).await.unwrap();
    hub
}

async fn run(hub: &Hub, sql: &str) {
    hub.pool()
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

async fn text(hub: &Hub, sql: &str) -> Vec<String> {
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql.to_owned()))
        .fetch_all(hub.pool())
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.into_iter().map(|(text,)| text).collect()
}

const DELIVERY: &str = "INSERT INTO cds2db_in.patient_raw (pat_id, pat_name_family) VALUES ('[1]p1', '[1.1]Alpha'); \
                        SELECT db.copy_raw_cds_in_to_db_log()";

/// Every column of every relation, with its type.
const SHAPE: &str = "SELECT format('%s.%s.%s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)) \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname ~ '^(cds2db|db2|db_|db$|core$)' AND c.relkind <> 'S' \
     ORDER BY 1";

#[tokio::test]
async fn hub_of_an_older_description_becomes_that_of_the_present_one() {
    // Without a column that always counts, without those of ours, without a whole table.
    let mut tables = with("patient", |t| {
        t.columns
            .retain(|c| c.name != "pat_gender" && !c.name.starts_with("pat_link"));
    });
    tables.fhir.tables.retain(|t| t.name != "location");
    let hub = older(&tables).await;
    run(&hub, DELIVERY).await;
    assert_eq!(
        hub.init(&HubTables::standard()).await.unwrap_err().kind(),
        cds_hub::ErrorKind::Schema
    );

    let plan = hub.migration(&HubTables::standard()).await.unwrap();
    assert!(!plan.is_applied() && plan.questions().is_empty(), "{plan}");
    let plan = hub.migrate(&HubTables::standard(), false).await.unwrap();
    assert!(plan.is_applied());
    for wanted in [
        Change::AddTable {
            table: "location_raw".into(),
        },
        Change::AddColumn {
            table: "patient".into(),
            column: "pat_gender".into(),
        },
        Change::Rehash {
            table: "patient_raw".into(),
        },
        Change::Renew,
    ] {
        assert!(plan.changes().contains(&wanted), "{wanted} in {plan}");
    }
    let fresh = crate::server::hub().await;
    assert_eq!(text(&hub, SHAPE).await, text(&fresh, SHAPE).await);
    let recipe = "SELECT version::text FROM core.recipe WHERE table_name = 'patient_raw' ORDER BY 1";
    assert_eq!(text(&hub, recipe).await, ["1", "2"]);
    // The same content is the same row, though its hash is made of more columns now.
    run(&hub, DELIVERY).await;
    let rows = "SELECT pat_name_family || current_dataset_status FROM db_log.patient_raw";
    let found = text(&hub, rows).await;
    assert!(
        found.len() == 1 && found[0].starts_with("[1.1]AlphaLast Time"),
        "{found:?}"
    );
    // Nothing more to do, and the hub opens.
    hub.init(&HubTables::standard()).await.unwrap();
    assert!(
        hub.migrate(&HubTables::standard(), false)
            .await
            .unwrap()
            .changes()
            .is_empty()
    );
}

#[tokio::test]
async fn columns_behind_the_originals_leave_hashes_alone() {
    let hub = older(&with("patient", |t| t.columns.truncate(22))).await;
    run(&hub, DELIVERY).await;
    let before = text(&hub, "SELECT hash_index_col FROM db_log.patient_raw").await;
    let plan = hub.migrate(&HubTables::standard(), false).await.unwrap();
    assert!(
        plan.changes().contains(&Change::ExtendRecipe {
            table: "patient_raw".into()
        }),
        "{plan}"
    );
    assert!(
        !plan.changes().iter().any(|c| matches!(c, Change::Rehash { .. })),
        "{plan}"
    );
    assert_eq!(
        text(&hub, "SELECT hash_index_col FROM db_log.patient_raw").await,
        before
    );
    run(&hub, DELIVERY).await;
    assert_eq!(
        text(&hub, "SELECT hash_index_col FROM db_log.patient_raw").await,
        before
    );
}

#[tokio::test]
async fn what_is_not_safe_is_asked_first_and_loses_nothing() {
    let hub = older(&with("patient", |t| {
        t.columns[5].fhir_type = FhirType::Integer;
        let mut extra = t.columns[4].clone();
        extra.name = "pat_extra".into();
        t.columns.push(extra);
    }))
    .await;
    let retyped = HubTables::standard().fhir.table("patient").unwrap().columns[5]
        .name
        .clone();
    let delivery = format!(
        "INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, {retyped}, pat_extra) VALUES (1, 'p1', 7, 'x'); \
         SELECT db.copy_type_cds_in_to_db_log()"
    );
    run(&hub, &delivery).await;
    let plan = hub.migrate(&HubTables::standard(), false).await.unwrap();
    assert!(!plan.is_applied());
    let asked = |q: &Question| plan.questions().contains(q);
    let table = || "patient".to_owned();
    assert!(
        asked(&Question::Retyped {
            table: table(),
            column: retyped.clone(),
            from: "integer".into(),
            to: "varchar".into()
        }) && asked(&Question::Undescribed {
            table: table(),
            column: "pat_extra".into()
        }),
        "{plan}"
    );
    assert_eq!(text(&hub, "SELECT pat_extra FROM db_log.patient").await, ["x"]);

    // Rows that wait would lose a value: they go first.
    run(
        &hub,
        "INSERT INTO cds2db_in.patient (patient_raw_id, pat_extra) VALUES (2, 'y')",
    )
    .await;
    assert!(hub.migrate(&HubTables::standard(), true).await.is_err());
    run(&hub, "SELECT db.copy_type_cds_in_to_db_log()").await;
    assert!(
        hub.migrate(&HubTables::standard(), true)
            .await
            .unwrap()
            .is_applied()
    );
    let kept =
        format!("SELECT {retyped}__kept_1::text || pat_extra__kept_1 FROM core.patient WHERE pat_id = 'p1'");
    assert_eq!(text(&hub, &kept).await, ["7x"]);
    assert!(
        hub.migrate(&HubTables::standard(), false)
            .await
            .unwrap()
            .changes()
            .is_empty()
    );
}

#[tokio::test]
async fn views_of_others_are_asked_about_and_made_anew_with_their_rights() {
    let hub = older(&with("patient", |t| t.columns.truncate(22))).await;
    run(
        &hub,
        "CREATE SCHEMA site; CREATE VIEW site.families AS SELECT pat_name_family FROM db2dataprocessor_out.v_patient; \
         CREATE VIEW site.first AS SELECT * FROM site.families LIMIT 1; GRANT SELECT ON site.first TO db_user",
    )
    .await;
    let plan = hub.migrate(&HubTables::standard(), false).await.unwrap();
    assert!(!plan.is_applied());
    let views: Vec<String> = plan.questions().iter().map(ToString::to_string).collect();
    assert!(
        views.len() == 2 && views[0].starts_with("site.families "),
        "{plan}"
    );
    assert!(
        hub.migrate(&HubTables::standard(), true)
            .await
            .unwrap()
            .is_applied()
    );
    run(&hub, "SELECT * FROM site.first").await;
    let granted = "SELECT has_table_privilege('db_user', 'site.first', 'SELECT')::text";
    assert_eq!(text(&hub, granted).await, ["true"]);
}

#[tokio::test]
async fn an_empty_database_is_not_installed_by_a_migration() {
    let empty = Hub::connect(&empty_database().await).await.unwrap();
    let error = empty.migrate(&HubTables::standard(), true).await.unwrap_err();
    assert_eq!(error.kind(), cds_hub::ErrorKind::Schema);
    assert!(error.to_string().contains("cds-hub init"), "{error}");
    assert!(text(&empty, SHAPE).await.is_empty());
}

/// Hubs made before had a row in the companion for each that was confirmed: its tables as they were then.
const ROW_BY_ROW: &str = "DO $$
DECLARE t text; key text; processed text; companion text;
BEGIN
  FOR t IN SELECT DISTINCT table_name FROM core.recipe LOOP
    companion := format('core.%I', t || '_seen');
    SELECT quote_ident(attname) INTO key FROM pg_attribute
    WHERE attrelid = format('core.%I', t)::regclass AND attnum = 1;
    EXECUTE format('ALTER TABLE %s RENAME TO blocks', companion);
    EXECUTE format('CREATE TABLE %s (id integer PRIMARY KEY, import_no integer NOT NULL,
                    seen_again boolean NOT NULL DEFAULT true) WITH (fillfactor = 45)', companion);
    processed := 'NULL::integer';
    IF right(t, 4) = '_raw' THEN
      processed := format('b.raw_already_processed[(r.%s & 63) + 1]', key);
    END IF;
    EXECUTE format('ALTER TABLE %s ADD COLUMN raw_already_processed integer', companion);
    EXECUTE format('INSERT INTO %s
                    SELECT v.id, coalesce(nullif(abs(v.mark), 0), v.import_no), v.mark > 0, nullif(v.processed, 0)
                    FROM (SELECT r.%s AS id, r.import_no, b.imports[(r.%2$s & 63) + 1] AS mark, %s AS processed
                          FROM core.%I r JOIN core.blocks b ON b.block = r.%2$s >> 6) v
                    WHERE v.mark <> 0 OR v.processed <> 0', companion, key, processed, t);
    IF right(t, 4) <> '_raw' THEN
      EXECUTE format('ALTER TABLE %s DROP COLUMN raw_already_processed', companion);
    END IF;
    DROP TABLE core.blocks CASCADE;
  END LOOP;
  UPDATE core.installation SET fingerprint = 'older';
END $$";

#[tokio::test]
async fn confirmations_kept_row_by_row_move_into_blocks() {
    let hub = older(&HubTables::standard()).await;
    let raw = |ids: &str, name: &str| {
        format!(
            "INSERT INTO cds2db_in.patient_raw (pat_id, pat_gender, pat_name_family)
               SELECT '[1]p' || n, '[1]x', '[1.1]' || '{name}' || n % 3 FROM generate_series({ids}) n;
             SELECT db.copy_raw_cds_in_to_db_log()"
        )
    };
    let deliver = |ids: &str, name: &str| {
        format!(
            "{};
             INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_gender)
               SELECT patient_raw_id, substr(pat_id, 4), 'x' FROM cds2db_out.v_patient_raw_diff;
             SELECT db.copy_type_cds_in_to_db_log()",
            raw(ids, name)
        )
    };
    // All new; some again; other raw rows that share their typed ones; some whose typed rows come with a later run.
    for delivery in [
        deliver("1, 150", "A"),
        deliver("3, 140, 5", "A"),
        deliver("1, 150, 7", "B"),
        raw("200, 230", "A"),
        deliver("300, 310", "A"),
        deliver("60, 90", "A"),
    ] {
        run(&hub, &delivery).await;
    }
    let states: Vec<String> = ["patient_raw", "patient"]
        .iter()
        .map(|t| format!("SELECT to_json(t)::text FROM db_log.{t} t ORDER BY 1"))
        .collect();
    let mut before = Vec::new();
    for state in &states {
        before.push(text(&hub, state).await);
    }
    let kinds = "SELECT string_agg(DISTINCT sign(m)::text, ' ' ORDER BY sign(m)::text) || ' ' \
                   || bool_or(p <> 0) \
                 FROM core.patient_raw_seen s, unnest(s.imports, s.raw_already_processed) AS u(m, p)";
    assert_eq!(text(&hub, kinds).await, ["-1 0 1 true"]);
    run(&hub, ROW_BY_ROW).await;

    let plan = hub.migrate(&HubTables::standard(), false).await.unwrap();
    assert!(plan.is_applied(), "{plan}");
    for table in ["patient_raw", "patient", "patient_fe"] {
        let table = table.to_owned();
        assert!(plan.changes().contains(&Change::Blocks { table }), "{plan}");
    }
    for (state, before) in states.iter().zip(before) {
        assert_eq!(text(&hub, state).await, before);
    }
    assert_eq!(
        text(&hub, SHAPE).await,
        text(&crate::server::hub().await, SHAPE).await
    );
    assert_eq!(hub.check(&HubTables::standard(), 100).await.unwrap(), []);
    // It goes on as a new one does.
    run(&hub, &deliver("1, 150", "A")).await;
    let seen = "SELECT count(*)::text FROM db_log.patient_raw WHERE current_dataset_status <> 'input'";
    assert_eq!(text(&hub, seen).await, ["150"]);
    let newest = "SELECT count(*)::text FROM cds2db_out.v_patient_raw_last_import";
    assert_eq!(text(&hub, newest).await, ["150"]);
    hub.init(&HubTables::standard()).await.unwrap();
}

/// A table that a site added, as the dataprocessor adds its declared ones.
fn with_a_sites_table() -> HubTables {
    use table_description::{Column, ElementPath, MeltMode, Origin};
    let mut tables = HubTables::standard();
    let column = |name: &str, fhir_type| {
        let mut column = Column::new(name, Origin::Element(ElementPath::new("")), fhir_type);
        column.description = format!("the site's {name}");
        column
    };
    tables.submodules.tables.push(Arc::new(TableDescription {
        name: "long_stays".into(),
        resource: None,
        prefix: String::new(),
        columns: vec![
            column("case_id", FhirType::String),
            column("days", FhirType::Integer),
        ],
        melt: MeltMode::Product,
    }));
    tables
}

/// `cds-hub migrate`, typed by an operator who does not think of the site's table, keeps it: its rows reach the core.
#[tokio::test(flavor = "multi_thread")]
async fn a_sites_table_survives_a_migration_that_does_not_name_it() {
    let (hub, url) = crate::server::hub_and_url().await;
    hub.migrate(&with_a_sites_table(), true).await.unwrap();
    // Something to do for the migration.
    run(
        &hub,
        "SET cds_hub.changing = 'on'; DROP FUNCTION db.add_hist_raw_records(); RESET cds_hub.changing",
    )
    .await;
    run(&hub, "UPDATE core.installation SET fingerprint = 'older'").await;
    let migrated = std::process::Command::new(crate::server::program())
        .args(["--database-url", &url, "migrate"])
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    run(
        &hub,
        "INSERT INTO db2dataprocessor_in.long_stays (case_id, days) VALUES ('e1', 40)",
    )
    .await;
    hub.transfer(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(
        text(
            &hub,
            "SELECT case_id || ' ' || days FROM db2dataprocessor_out.v_long_stays"
        )
        .await,
        ["e1 40"]
    );
    assert!(
        text(&hub, "SELECT case_id FROM db2dataprocessor_in.long_stays")
            .await
            .is_empty()
    );
}

/// The hub knows what it was made for, to the last property of a column.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_tells_the_tables_it_was_made_for() {
    use table_description::{ElementPath, MeltMode};
    let hub = hub_of(&HubTables::standard()).await;
    assert_eq!(hub.described().await.unwrap().unwrap(), HubTables::standard());
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM core.described")
        .fetch_one(hub.pool())
        .await
        .unwrap();
    assert_eq!(
        kept, 0,
        "the project's own is not copied, so that a newer program brings newer columns"
    );
    let site = with_a_sites_table();
    hub.migrate(&site, true).await.unwrap();
    assert_eq!(hub.described().await.unwrap().unwrap(), site);
    let mut given = with("patient", |t| {
        t.columns.truncate(15);
        t.columns[1].reference_targets = vec!["Medication".into(), "Location".into()];
        t.melt = MeltMode::Only(vec![
            ElementPath::new("name"),
            ElementPath::new("identifier/type"),
        ]);
    });
    Arc::make_mut(&mut given.fhir.tables[0]).melt = MeltMode::Aligned;
    given.submodules = site.submodules;
    hub.migrate(&given, true).await.unwrap();
    assert_eq!(hub.described().await.unwrap().unwrap(), given);
    assert_eq!(hub.tables_to_keep().await.unwrap(), given);
    assert!(hub.migrate(&given, false).await.unwrap().changes().is_empty());
}

async fn hub_of(tables: &HubTables) -> Hub {
    let hub = Hub::connect(&empty_database().await).await.unwrap();
    hub.init(tables).await.unwrap();
    hub
}
