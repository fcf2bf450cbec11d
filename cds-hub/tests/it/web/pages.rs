//! What the pages say is what the hub has, and values come only when asked for.

use cds_hub::HubTables;
use cds_hub::schema::Model;

use super::site::{MARKER, Site, cells, send, words};
use crate::load::patients;
use crate::sql::{one, run};

/// A number as the pages write it.
fn plain(number: &str) -> String {
    number.replace(['\u{202f}', '+'], "").replace('−', "-")
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_those_of_the_hub() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&[])).await;
    let client = site.signed_in(&anna).await;

    // Tables: what a count of their rows gives, and what came in 24 hours, 7 and 30 days.
    let tables = client.get("/tables").await.text;
    for (table, came) in [
        ("patient_raw", ["1", "2", "3"]),
        ("patient", ["1", "2", "3"]),
        ("encounter_raw", ["1", "1", "1"]),
    ] {
        let shown = cells(&tables, table);
        let rows = one(&site.hub, &format!("SELECT count(*) FROM db_log.{table}")).await;
        assert_eq!(plain(&shown[1]), rows, "{table}");
        assert_eq!([2, 3, 4].map(|at| plain(&shown[at])), came, "{table}");
        let changed = "SELECT to_char(max(i.finished), 'YYYY-MM-DD HH24:MI:SS') FROM core.import i \
                       JOIN core.import_rows r ON r.import_no = i.no WHERE r.new_count > 0 AND r.table_name =";
        assert_eq!(
            shown[5],
            one(&site.hub, &format!("{changed} '{table}'")).await,
            "{table}"
        );
    }
    assert!(tables.contains("Without rows"), "the empty ones are named");
    // What is removed by hand is no row any more; that it came is true.
    run(&site.hub, "DELETE FROM db_log.encounter_raw").await;
    let shown = cells(&client.get("/tables").await.text, "encounter_raw");
    assert_eq!((shown[1].as_str(), shown[2].as_str()), ("0", "+1"), "{shown:?}");

    // Overview: each module's newest run with its rows.
    let overview = client.get("/").await.text;
    let runs = site.hub.recent_runs(30).await.unwrap();
    assert!(runs.len() >= 3, "{runs:?}");
    for newest in runs.chunk_by(|a, b| a.module == b.module).map(|runs| &runs[0]) {
        let numbers: Vec<String> = newest.imports.iter().map(ToString::to_string).collect();
        let sql = format!(
            "SELECT coalesce(sum(new_count), 0) FROM core.import_rows WHERE import_no IN ({})",
            numbers.join(", ")
        );
        assert_eq!(newest.new.to_string(), one(&site.hub, &sql).await, "{newest:?}");
        assert!(
            overview.contains(&format!("<h2>{}</h2>", newest.module)),
            "{overview}"
        );
        assert_eq!(
            plain(&cells(&overview, &newest.started)[4]),
            newest.new.to_string()
        );
    }
    let text = words(&overview);
    for said in [
        "2 rows refused",
        "2 values not typed",
        "stored in part",
        "ReadyToConnect",
        "cds2db work status",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let bars = overview.matches("<rect ").count();
    assert_eq!(bars, runs.len(), "a bar a run");

    // Not stored: by reason, as SQL counts.
    let refused = client.get("/refused").await.text;
    let shown = cells(&refused, "patient_raw");
    let sql = "SELECT count(*) FROM core.quarantine WHERE table_name = 'patient_raw'";
    assert_eq!(
        (shown[2].clone(), "2"),
        (one(&site.hub, sql).await, shown[2].as_str())
    );
    assert!(shown[1].starts_with("23514 "), "{shown:?}");
    assert!(words(&refused).contains("not_a_date22") || cells(&refused, "patient")[2] == "not_a_date");
    assert_eq!(
        cells(&refused, "patient")[1..],
        ["pat_birthdate", "not_a_date", "2", "1"]
    );
    assert!(
        refused.contains("No row waits."),
        "the one that waited was removed"
    );
    run(
        &site.hub,
        "INSERT INTO cds2db_in.encounter_raw (enc_id) VALUES ('[1]e2'), ('[1]e3'); SELECT db.copy_raw_cds_in_to_db_log()",
    )
    .await;
    let refused = client.get("/refused").await.text;
    let shown = cells(&refused, "encounter_raw");
    assert!(
        shown[1] == "2" && shown[2].starts_with("2 rows of run "),
        "{shown:?}"
    );
    // A retrieval is one run of two imports, and what could not be typed is counted to it.
    let row = vec![
        ("pat_id", "[1]q1".to_owned()),
        ("pat_name_family", format!("[1.1]{MARKER}")),
        ("pat_birthdate", "[1]no date".to_owned()),
    ];
    patients(&site.hub, &[row]).await;
    let runs = site.hub.recent_runs(1).await.unwrap();
    let retrieval = runs.iter().find(|run| run.module == "cds2db").unwrap();
    assert_eq!((retrieval.imports.len(), retrieval.new), (2, 2), "{retrieval:?}");
    let overview = client.get("/").await.text;
    let begin = overview.find("<h2>cds2db</h2>").unwrap();
    let shown = cells(&overview[begin..], &retrieval.started);
    assert_eq!(
        (shown[4].as_str(), shown[6].as_str()),
        ("2", "stored in part 1 values not typed")
    );
    for page in [&tables, &overview, &refused] {
        assert!(!page.contains(MARKER) && !page.contains("p8"), "no value");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_leads_to_its_versions_and_their_way_and_values_wait_until_asked_for() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&["--values"])).await;
    let client = site.signed_in(&anna).await;
    let model = Model::new(&HubTables::standard());

    for (searched, rows) in [
        ("p1", 4),
        ("Patient/p1", 4),
        (" p2 ", 2),
        ("Encounter/p1", 0),
        ("e1", 1),
    ] {
        let found = send(&client, "/search", "/search", &[("id", searched)]).await;
        assert_eq!(found.status, 200);
        assert_eq!(
            found.text.matches("href=\"/trace/").count(),
            rows,
            "{searched}: {}",
            found.text
        );
        assert!(!found.text.contains("Version"), "not asked for");
        assert!(
            !found.text.contains(&format!("value=\"{}\"", searched.trim())),
            "not repeated"
        );
    }
    let found = send(&client, "/search", "/search", &[("id", "p1"), ("show", "1")])
        .await
        .text;
    assert!(
        found.contains("value=\"p1\"") && cells(&found, "patient")[2] == "2",
        "{found}"
    );

    // A row id leads to the same row, and what the page names as sources is what the library names.
    let id: i32 = one(&site.hub, "SELECT max(patient_id) FROM core.patient")
        .await
        .parse()
        .unwrap();
    let path = format!("/trace/patient/{id}");
    let found = send(&client, "/search", "/search", &[("id", &id.to_string())])
        .await
        .text;
    assert!(found.contains(&path), "{found}");
    let bare = client.get(&path).await.text;
    let origins = site.hub.trace(&model, "patient", id, None).await.unwrap();
    assert_eq!(origins.len(), 2, "the row and its raw row");
    for raw in origins.iter().filter(|origin| origin.depth == 1) {
        assert!(
            bare.contains(&format!("/trace/patient_raw/{}", raw.id.unwrap())),
            "{bare}"
        );
        assert!(bare.contains(raw.since.as_deref().unwrap()));
    }
    for value in [MARKER, "Patient/p1", ">p1<"] {
        assert!(!bare.contains(value), "{value} was not asked for");
    }
    let shown = send(&client, &path, &path, &[("show", "1")]).await.text;
    for value in [MARKER, "Patient/p1", ">p1<"] {
        assert!(shown.contains(value), "{value}: {shown}");
    }
    // The page goes back to places when it is opened again.
    assert!(!client.get(&path).await.text.contains(MARKER));
    let missing = client.get("/trace/patient/2147483647").await;
    assert_eq!(missing.status, 404);
}

/// A hub that is busy does not keep a page for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_given_up_and_said() {
    let site = Site::new(1).await;
    let anna = site.person("anna", Some(&[])).await;
    let client = site.signed_in(&anna).await;
    let mut busy = site.hub.pool().begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE core.import_rows IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *busy)
        .await
        .unwrap();
    let began = std::time::Instant::now();
    for path in ["/tables", "/"] {
        let told = client.get(path).await;
        assert!(
            told.text.contains("This took longer than 1 s and was given up."),
            "{}",
            told.text
        );
    }
    assert!(
        began.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    busy.rollback().await.unwrap();
    let told = client.get("/tables").await.text;
    assert_eq!(cells(&told, "patient")[1], "3");
}
