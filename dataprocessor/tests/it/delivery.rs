//! What reaches the hub, and what the hub knows of where it came from.

use dataprocessor::run;

use crate::clock::at;
use crate::server::TestHub;

#[tokio::test]
async fn unchanged_rows_are_not_written_again_and_the_fhir_value_wins_over_an_edit() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01", &[]).await;
    t.import().await;
    let config = at("2026-03-02");
    assert_eq!(run(&t.hub, &config).await.unwrap().new, 2);
    let again = run(&t.hub, &config).await.unwrap();
    assert_eq!((again.new, again.seen), (0, 2));
    assert_eq!(t.lines("count(*)", "db_log.patient_fe").await, ["1"]);
    // The frontend delivers the whole form back with a corrected name and its own form untouched.
    t.sql(
        "INSERT INTO db2frontend_in.patient_fe (record_id, pat_id, pat_cis_pid, pat_name, pat_vorname, pat_gebdat, pat_geschlecht, patient_complete) \
         SELECT record_id, pat_id, pat_cis_pid, 'Edited', pat_vorname, pat_gebdat, pat_geschlecht, patient_complete FROM db_log.patient_fe; \
         SELECT db.copy_fe_fe_in_to_db_log()",
    )
    .await;
    assert_eq!(
        t.lines("pat_name", "db2frontend_out.v_patient_fe_last_version")
            .await,
        ["Edited"]
    );
    let third = run(&t.hub, &config).await.unwrap();
    assert_eq!((third.new, third.seen), (0, 2));
    assert_eq!(
        t.lines("pat_name", "db2frontend_out.v_patient_fe_last_version")
            .await,
        ["Alpha"]
    );
    // Nothing is lost: the edit is still there.
    assert_eq!(t.lines("count(*)", "db_log.patient_fe").await, ["2"]);
}

#[tokio::test]
async fn every_row_names_its_typed_and_raw_sources() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay(
        "e1",
        "p1",
        "2026-03-01",
        &[("enc_diagnosis_condition_ref", "Condition/c1")],
    )
    .await;
    t.put("condition", &[&[("con_id", "c1"), ("con_code_text", "Sepsis")]])
        .await;
    t.measured("o1", "29463-7", "p1", "e1", "2026-03-01 10:00", "80 kg")
        .await;
    t.measured("o2", "29463-7", "p1", "e1", "2026-03-01 09:00", "79 kg")
        .await;
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    let sources = |table: &str| {
        let from = format!(
            "(SELECT DISTINCT l.source_table FROM core.lineage l JOIN core.{table} c USING (row_id) WHERE l.table_name = '{table}' ORDER BY 1) x"
        );
        let t = &t;
        async move { t.lines("source_table", &from).await }
    };
    assert_eq!(
        sources("patient_fe").await,
        ["patient", "patient_raw", "pids_per_ward", "pids_per_ward_raw"]
    );
    assert_eq!(
        sources("fall_fe").await,
        [
            "condition",
            "condition_raw",
            "encounter",
            "encounter_raw",
            "observation",
            "observation_raw",
            "patient",
            "patient_raw",
            "pids_per_ward",
            "pids_per_ward_raw"
        ]
    );
    assert_eq!(
        t.lines("obs_id", "core.lineage l JOIN db_log.observation o ON o.observation_id = l.source_id WHERE source_table = 'observation'").await,
        ["o1"]
    );
    assert_eq!(
        t.lines("obs_id", "core.lineage l JOIN db_log.observation_raw o ON o.observation_raw_id = l.source_id WHERE source_table = 'observation_raw'").await,
        ["o1"]
    );
}

#[tokio::test]
async fn a_case_is_traced_to_the_resources_it_was_made_from() {
    let t = TestHub::new().await;
    for (patient, case, measurement) in [("p1", "e1", "o1"), ("p2", "e2", "o2")] {
        t.patient(patient, "Alpha").await;
        t.listed("S1", patient, case).await;
        t.stay(case, patient, "2026-03-01", &[]).await;
        t.measured(measurement, "29463-7", patient, case, "2026-03-01 10:00", "80 kg")
            .await;
    }
    t.import().await;
    run(&t.hub, &at("2026-03-02")).await.unwrap();
    let id: i32 = sqlx::query_scalar("SELECT fall_fe_id FROM db_log.fall_fe WHERE fall_fhir_enc_id = 'e1'")
        .fetch_one(t.hub.pool())
        .await
        .unwrap();
    let model = cds_hub::schema::Model::new(&cds_hub::HubTables::standard());
    let origins = t.hub.trace(&model, "fall_fe", id, None).await.unwrap();
    for (table, resource) in [
        ("observation_raw", "Observation/o1"),
        ("encounter_raw", "Encounter/e1"),
        ("patient_raw", "Patient/p1"),
    ] {
        let found = origins
            .iter()
            .any(|o| o.table == table && o.resource.as_deref() == Some(resource));
        assert!(found, "{table}");
    }
    let others: Vec<&str> = origins
        .iter()
        .filter_map(|o| o.resource.as_deref())
        .filter(|resource| resource.ends_with('2'))
        .collect();
    assert_eq!(others, Vec::<&str>::new(), "nothing of another patient");
}

#[tokio::test]
async fn the_case_list_is_that_of_the_newest_run_even_if_it_found_no_case() {
    let t = TestHub::new().await;
    t.patient("p1", "Alpha").await;
    t.listed("S1", "p1", "e1").await;
    t.stay("e1", "p1", "2026-03-01", &[("enc_period_end", "2026-03-05")])
        .await;
    t.import().await;
    for (now, cases) in [("2026-03-02", 1), ("2026-03-06", 0), ("2026-03-03", 1)] {
        assert_eq!(run(&t.hub, &at(now)).await.unwrap().cases, cases, "{now}");
        let list = dataprocessor::show(&t.hub, 10, true).await.unwrap();
        assert_eq!(list.lines().count(), 1 + cases, "{now}: {list}");
    }
}

#[tokio::test]
async fn an_empty_hub_gives_empty_tables() {
    let t = TestHub::new().await;
    let summary = run(&t.hub, &at("2026-03-02")).await.unwrap();
    assert_eq!(
        (summary.patients, summary.cases, summary.new, summary.seen),
        (0, 0, 0, 0)
    );
    assert_eq!(
        t.lines(
            "pc_value",
            "db_config.db_process_control WHERE pc_name = 'semaphor_cron_job_data_transfer'"
        )
        .await,
        ["ReadyToConnect"]
    );
}
