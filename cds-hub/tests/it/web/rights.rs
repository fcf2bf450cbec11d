//! Who may see what: the rights are the database's.

use std::collections::BTreeSet;

use cds_hub::lineage::Interface;
use cds_hub::schema::Model;
use cds_hub::{Hub, HubOptions, HubTables, reach};
use test_browser::Client;

use super::site::{MARKER, PASSWORD, Site, send};
use crate::sql::{one, rows, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_role_for_figures_sees_no_value_whatever_it_asks_for() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&[])).await;
    let client = site.signed_in(&anna).await;
    let id = one(&site.hub, "SELECT max(patient_id) FROM core.patient").await;
    let path = format!("/trace/patient/{id}");
    let page = client.get("/search").await.text;
    assert!(
        page.contains("Not for this role") && !page.contains("name=\"id\""),
        "{page}"
    );
    let trace = client.get(&path).await.text;
    assert!(trace.contains("Not for this role"), "{trace}");
    let now = "2099-01-01 00:00";
    for (path, answers) in [
        ("/search", vec![("id", "p1"), ("show", "1")]),
        (path.as_str(), vec![("show", "1")]),
        (
            "/as-of",
            vec![("table", "patient"), ("moment", now), ("show", "1")],
        ),
        (
            "/as-of",
            vec![("table", "patient_raw"), ("moment", now), ("show", "1")],
        ),
    ] {
        let told = send(&client, "/as-of", path, &answers).await;
        assert_eq!(told.status, 200);
        for value in [MARKER, "Patient/p1", ">p1<", "[1]p1", "href=\"/trace/"] {
            assert!(!told.text.contains(value), "{path}: {value}");
        }
        if path == "/search" {
            assert!(!told.text.contains("Nothing is stored"), "it was not looked for");
        }
        if path == "/as-of" {
            assert!(told.text.contains("3 rows, all versions.") && told.text.contains("Not for this role"));
        }
    }
    // Searches are kept by patients' ids.
    assert!(client.get("/refused").await.text.contains("Not for this role"));
    // The database says the same to whoever comes without the pages.
    let own = reach::log_in(&HubOptions::new(&site.url), &anna, PASSWORD)
        .await
        .unwrap()
        .unwrap();
    for sql in [
        "SELECT pat_name_family FROM core.patient_raw",
        "SELECT * FROM core.patient",
        "SELECT \"row\" FROM core.quarantine",
        "SELECT * FROM db.patient_as_of(now())",
        "SELECT * FROM cds2db_out.v_patient",
        "SELECT id FROM core.unanswered",
        "DELETE FROM core.import",
    ] {
        let refused = sqlx::raw_sql(sql).execute(own.pool()).await.unwrap_err();
        let state = refused
            .as_database_error()
            .and_then(|e| e.code().map(|c| c.into_owned()));
        assert_eq!(state.as_deref(), Some("42501"), "{sql}");
    }
    assert!(
        own.readable(&Model::new(&HubTables::standard()))
            .await
            .unwrap()
            .is_empty()
    );
}

/// The rights of one table: its values are shown, those of its neighbour are not.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_shown_table_by_table() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&["--values"])).await;
    run(
        &site.hub,
        &format!("REVOKE SELECT ON core.patient_raw FROM \"{anna}\""),
    )
    .await;
    let client = site.signed_in(&anna).await;
    let found = send(&client, "/search", "/search", &[("id", "p1")]).await.text;
    assert!(
        found.contains("/trace/patient/") && !found.contains("/trace/patient_raw/"),
        "{found}"
    );
    let asked = [("table", "patient_raw"), ("moment", "2099-01-01"), ("show", "1")];
    let raw = send(&client, "/as-of", "/as-of", &asked).await.text;
    assert!(
        raw.contains("Not for this role") && !raw.contains(MARKER),
        "{raw}"
    );
    // Whoever asks the library instead: the function would show what the table does not.
    let own = reach::log_in(&HubOptions::new(&site.url), &anna, PASSWORD)
        .await
        .unwrap()
        .unwrap();
    let function = "SELECT count(*) FROM db.patient_raw_as_of(now() + interval '1 day')";
    assert_eq!(one(&own, function).await, "3");
    let model = Model::new(&HubTables::standard());
    let shown = Interface::named(&model, "patient_raw").unwrap();
    let refused = own.rows_as_of(&shown, "2099-01-01", 0, 10).await.unwrap_err();
    assert_eq!(refused.sqlstate(), Some("42501"));
    let asked = [("table", "patient"), ("moment", "2099-01-01"), ("show", "1")];
    assert!(
        send(&client, "/as-of", "/as-of", &asked)
            .await
            .text
            .contains(MARKER)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_given_taken_and_explained() {
    let site = Site::new(20).await;
    let anna = site.person("anna", None).await;
    let model = Model::new(&HubTables::standard());
    let login = HubOptions::new(&site.url);
    let own = reach::log_in(&login, &anna, PASSWORD).await.unwrap().unwrap();
    let mut client = Client::new(site.address);
    let told = client.log_in(&anna, PASSWORD).await;
    assert!(
        told.status == 403 && told.text.contains("cds-hub web --grant ROLE"),
        "{}",
        told.text
    );
    assert!(client.cookie.is_empty());

    let sees = async |own: &Hub| {
        let imports = own.recent_runs(1).await.is_ok();
        let values = imports && own.readable(&model).await.unwrap().may_see("patient");
        (imports, values)
    };
    assert_eq!(sees(&own).await, (false, false));
    for (words, wanted) in [
        (vec!["web", "--grant", &anna, "--values"], (true, true)),
        (vec!["web", "--grant", &anna], (true, false)),
        (vec!["web", "--revoke", &anna], (false, false)),
        (vec!["web", "--grant", &anna], (true, false)),
    ] {
        let done = site.program(&words);
        assert!(
            done.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        assert_eq!(sees(&own).await, wanted, "{words:?}");
    }
    // Nothing is left behind: the role can be dropped.
    assert!(site.program(&["web", "--revoke", &anna]).status.success());
    own.close().await;
    run(&site.hub, &format!("DROP ROLE \"{anna}\"")).await;

    for (words, said) in [
        (
            vec!["web", "--grant", "cds2db_user"],
            "one of the hub's own roles",
        ),
        (vec!["web", "--grant", "nobody there"], "CREATE ROLE"),
        (vec!["web", "--values"], "--grant"),
    ] {
        let done = site.program(&words);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && text.contains(said), "{words:?}: {text}");
    }
}

/// A migration makes views and functions anew: whoever could read goes on, and nobody gets more than before.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_keeps_what_readers_may_see() {
    let site = Site::new(20).await;
    let (anna, berta) = (
        site.person("anna", Some(&["--values"])).await,
        site.person("berta", Some(&[])).await,
    );
    // As a site narrows the rights of one of them.
    let narrowed = format!(
        "REVOKE SELECT ON core.patient_raw, core.deleted FROM \"{anna}\"; REVOKE EXECUTE ON FUNCTION db.patient_raw_as_of(timestamptz) FROM \"{anna}\""
    );
    run(&site.hub, &narrowed).await;
    let rights = format!(
        "SELECT concat_ws(' ', role, object, may) FROM (
           SELECT pg_get_userbyid(grantee)::text AS role, pg_class.oid::regclass::text AS object, privilege_type AS may
           FROM pg_class, aclexplode(relacl) WHERE pg_get_userbyid(grantee)::text IN ('{anna}', '{berta}')
           UNION ALL
           SELECT pg_get_userbyid(grantee)::text, pg_proc.oid::regprocedure::text, privilege_type
           FROM pg_proc, aclexplode(proacl) WHERE pg_get_userbyid(grantee)::text IN ('{anna}', '{berta}')) AS given"
    );
    let before = rows(&site.hub, &rights).await;
    assert!(before.len() > 100, "{before:?}");
    run(&site.hub, "UPDATE core.installation SET fingerprint = 'older'").await;
    let done = site.program(&["migrate"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let installed = "SELECT count(*) FROM core.installation";
    assert_eq!(one(&site.hub, installed).await, "2", "it was migrated");
    let after: BTreeSet<String> = rows(&site.hub, &rights).await.into_iter().collect();
    let before: BTreeSet<String> = before.into_iter().collect();
    let more: Vec<_> = after.difference(&before).collect();
    assert!(more.is_empty(), "{more:?}");
    // What shows the cells of a table that she may not read is not given again.
    let mut less = before.difference(&after);
    let of_raw = |right: &String| right.starts_with(&anna) && right.contains("patient_raw");
    assert!(
        less.all(of_raw),
        "{:?}",
        before.difference(&after).collect::<Vec<_>>()
    );

    let raw_of = async |role: &str| {
        let own = reach::log_in(&HubOptions::new(&site.url), role, PASSWORD).await;
        let own = own.unwrap().unwrap();
        let table = own.readable(&Model::new(&HubTables::standard())).await.unwrap();
        let function = "SELECT count(*) FROM db.patient_raw_as_of(now())";
        let function = sqlx::raw_sql(function).execute(own.pool()).await;
        let figures = own.recent_runs(1).await;
        (
            table.may_see("patient_raw"),
            table.may_see("patient"),
            function.is_ok(),
            figures.is_ok(),
        )
    };
    assert_eq!(raw_of(&anna).await, (false, true, false, true));
    assert_eq!(raw_of(&berta).await, (false, false, false, true));
}

/// The module's role of the database comes in too, and sees what it may.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_the_hub_sees_what_it_may_read() {
    let site = Site::new(20).await;
    // The password belongs to the whole server, so all tests set the same.
    site.hub
        .set_password("db2dataprocessor_user", PASSWORD)
        .await
        .unwrap();
    let client = site.signed_in("db2dataprocessor_user").await;
    let overview = client.get("/").await.text;
    assert!(
        overview.contains("<rect ") && overview.contains("ReadyToConnect"),
        "{overview}"
    );
    // What was removed is not for modules, and a table without it would be counted wrong.
    assert!(client.get("/tables").await.text.contains("Not for this role"));
    let page = client.get("/refused").await.text;
    assert!(
        page.contains("23514") && page.contains("Not for this role"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_for_reading_writes_nothing_and_gives_up() {
    let site = Site::new(20).await;
    let options = HubOptions {
        reading: Some(std::time::Duration::from_millis(300)),
        ..HubOptions::new(&site.url)
    };
    let hub = Hub::open(&options).await.unwrap();
    for (sql, state) in [
        ("DELETE FROM core.defect", "25006"),
        (
            "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p')",
            "25006",
        ),
        ("CREATE TABLE public.t ()", "25006"),
        ("SELECT pg_sleep(5)", "57014"),
    ] {
        let refused = sqlx::raw_sql(sql).execute(hub.pool()).await.unwrap_err();
        let code = refused
            .as_database_error()
            .and_then(|e| e.code().map(|c| c.into_owned()));
        assert_eq!(code.as_deref(), Some(state), "{sql}");
    }
    assert_eq!(one(&hub, "SELECT count(*) FROM core.defect").await, "2");
}
