//! The real sizes: cells of a dictionary of 297 kB, and thousands of cases.

use std::time::Instant;

use db2frontend::Config;
use db2frontend::export::export;
use fixtures::redcap::{Dictionary, RedcapOptions, RedcapProject, RedcapServer};

use crate::project::{REPEATING, dictionary, import_from, open, records};
use crate::server::TestHub;

#[tokio::test(flavor = "multi_thread")]
async fn a_dictionary_with_long_lists_goes_through() {
    let t = TestHub::with_patients(1).await;
    let many: Vec<String> = (0..6_600)
        .map(|n| format!("A{n:05}, Substance number {n} with a long name {n}"))
        .collect();
    let large = many.join(" | ");
    assert!(large.len() > 297_000);
    let text = dictionary().replace(
        "mrp_atc1,mrpdokumentation_validierung,,notes,Label of mrp_atc1,\"\"",
        &format!("mrp_atc1,mrpdokumentation_validierung,,dropdown,Label of mrp_atc1,\"{large}\""),
    );
    assert!(text.len() > 300_000);
    let project = RedcapProject::new(Dictionary::read(&text).unwrap()).repeating(&REPEATING);
    let server = RedcapServer::start(project, RedcapOptions::default()).unwrap();
    let mut frontend = open(&server).await.unwrap();
    export(&t.hub, &mut frontend, &Config::default()).await.unwrap();
    let id = records(&server)[0].clone();
    let form = "mrpdokumentation_validierung";
    server.edit(|p| {
        p.edit(&id, Some((form, 1)), "mrp_atc1", "A06599");
        p.edit(&id, Some((form, 1)), &format!("{form}_complete"), "2");
    });
    import_from(&t, &server).await.unwrap();
    let stored = t
        .texts("SELECT mrp_atc1 FROM db2frontend_out.v_mrpdokumentation_validierung_fe")
        .await;
    assert_eq!(stored, ["(\"Substance number 6599 with a long name 6599\")"]);
}

/// 3,000 cases of 40 rows each with `DB2FRONTEND_CASES=3000` and a release build; 60 in the usual run.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_cases_go_out_in_bounded_time_and_memory() {
    let cases: usize = std::env::var("DB2FRONTEND_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(60);
    let t = TestHub::new().await;
    t.sql(&format!(
        "INSERT INTO db2dataprocessor_in.patient_fe (record_id, pat_id, pat_name, patient_complete)
           SELECT n::text, 'p' || n, 'Family ' || n, 'Complete' FROM generate_series(1, {cases}) n;
         INSERT INTO db2dataprocessor_in.fall_fe (record_id, redcap_repeat_instrument, redcap_repeat_instance, fall_fhir_enc_id,
             fall_station, fall_studienphase, fall_aufn_diag, fall_complete)
           SELECT n::text, 'fall', '1', 'e' || n, 'Station ' || n % 20, 'PhaseA', 'Diagnosis of some length', 'Incomplete'
           FROM generate_series(1, {cases}) n;
         INSERT INTO db2dataprocessor_in.retrolektive_mrpbewertung_fe (record_id, redcap_repeat_instrument,
             redcap_repeat_instance, ret_id, ret_kurzbeschr, ret_atc1, retrolektive_mrpbewertung_complete)
           SELECT n::text, 'retrolektive_mrpbewertung', m::text, n || '-r' || m, 'A short text of a problem', 'A01', 'Incomplete'
           FROM generate_series(1, {cases}) n, generate_series(1, 38) m;
         SELECT db.copy_fe_dp_in_to_db_log()"
    ))
    .await;
    let server = crate::project::start();
    let begun = Instant::now();
    let mut frontend = open(&server).await.unwrap();
    let done = export(&t.hub, &mut frontend, &Config::default()).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let rows: usize = done.forms.values().map(|form| form.new).sum();
    assert_eq!(rows, cases * 40, "{done:?}");
    assert!(done.is_complete(), "{done:?}");
    eprintln!("{cases} cases, {rows} rows: {seconds:.1} s");
    if cases >= 3_000 {
        assert!(seconds < 60.0, "{seconds}");
    }
    let begun = Instant::now();
    let imported = import_from(&t, &server).await.unwrap();
    assert!(
        imported.is_complete() && imported.tables.iter().all(|table| table.new == 0),
        "{imported:?}"
    );
    eprintln!("import: {:.1} s", begun.elapsed().as_secs_f64());
}
