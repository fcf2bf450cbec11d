//! The five days: what arrives, what is shown, what is said.

use std::collections::{BTreeMap, BTreeSet};

use cds2db::{Summary, TableSummary, Verdict};
use dataprocessor::config::wall_time;
use serde_json::Value;

use super::site::Week;
use crate::case_list;

/// What was there after the first day.
pub(super) struct FirstDay {
    summary: Summary,
    /// The case list of that day, and when it was read.
    list: String,
    read_at: String,
}

fn total(summary: &Summary, counter: fn(&TableSummary) -> u64) -> u64 {
    summary.tables.values().map(counter).sum()
}

fn remarks(summary: &Summary) -> String {
    summary.remarks.join("\n")
}

/// The newest ward list by ward.
fn listed(week: &Week) -> BTreeMap<String, BTreeSet<String>> {
    let mut wards: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let sql = "SELECT ward_name, patient_id FROM db2dataprocessor_out.v_pids_per_ward_last_import";
    for row in week.rows(sql) {
        let [ward, Some(patient)] = <[Option<String>; 2]>::try_from(row).expect("two columns") else {
            panic!("a patient");
        };
        wards.entry(ward.unwrap_or_default()).or_default().insert(patient);
    }
    wards
}

/// The case list has a row for each running case, by a slow model of the resources themselves.
fn the_case_list_is_right(week: &Week, day: u32) {
    let list = listed(week);
    let model = case_list::running(&week.hospital(day), list.values().flatten(), wall_time::now());
    let sql = "SELECT fall_fhir_enc_id FROM db2dataprocessor_out.v_fall_fe_last_import ORDER BY 1";
    let mut shown: Vec<String> = week.rows(sql).into_iter().flatten().flatten().collect();
    shown.sort();
    assert!(!model.is_empty());
    assert_eq!(shown, model, "day {day}");
}

/// The hub has exactly what the summary counts, table by table.
fn the_hub_has_what_is_counted(week: &Week, summary: &Summary) {
    for (name, table) in &summary.tables {
        assert!(table.is_accounted_for(), "{name}: {table:?}");
        let raw = week.count(&format!("SELECT count(*)::text FROM db_log.{name}_raw"));
        let typed = week.count(&format!("SELECT count(*)::text FROM db_log.{name}"));
        assert_eq!((raw, typed), (table.raw_new, table.typed_new), "{name}");
    }
}

pub(super) fn the_first_day(week: &mut Week) -> FirstDay {
    week.serve_day(0);
    let summary = week.runs(0, &[]);
    assert_eq!(summary.incomplete, [], "{summary:#?}");
    assert!(total(&summary, |t| t.raw_new) > 500, "{summary:#?}");
    the_hub_has_what_is_counted(week, &summary);
    let said = week.dataprocessor(&["run", "--json"]).ends_with(0).json();
    assert!(
        said["cases"].as_u64() > Some(2) && said["left_out"] == Value::Array(Vec::new()),
        "{said}"
    );
    the_case_list_is_right(week, 0);
    // How much of each date was given can be read by whoever reads the dates.
    let partial = week.count("SELECT count(*)::text FROM db2dataprocessor_out.v_precision");
    assert!(partial > 0, "{partial}");
    let list = week
        .dataprocessor(&["show", "--clear", "-n", "1000"])
        .ends_with(0)
        .out;
    assert!(list.lines().count() > 2, "{list}");
    let copy = "SELECT string_agg(fall_fhir_enc_id, ',' ORDER BY fall_fhir_enc_id) \
                FROM db2dataprocessor_out.v_fall_fe_last_import";
    FirstDay {
        list: week.value(copy),
        read_at: week.value("SELECT clock_timestamp()::text"),
        summary,
    }
}

pub(super) fn the_second_day_is_an_increment(week: &mut Week, first: &FirstDay) {
    week.serve_day(1);
    let summary = week.runs(0, &[]);
    let (before, new) = (
        total(&first.summary, |t| t.raw_new),
        total(&summary, |t| t.raw_new),
    );
    assert!(new > 0 && new < before / 3, "{new} of {before}");
    let arrived = total(&summary, |t| t.downloaded);
    assert!(
        arrived < before / 2,
        "only what changed is asked for: {arrived} of {before}"
    );
    for word in ["fewer rows", "not in the run", "%"] {
        assert!(!remarks(&summary).contains(word), "wolf: {summary:#?}");
    }
    week.dataprocessor(&["run"])
        .ends_with(0)
        .says(&["patients,", "cases at"]);
    the_case_list_is_right(week, 1);
    assert_eq!(week.hub(&["check", "--json"]).ends_with(0).json()["sound"], true);
}

/// A patient on a ward, by id.
pub(super) fn somebody(week: &Week) -> String {
    let wards = listed(week);
    wards
        .into_values()
        .flatten()
        .next()
        .expect("somebody is on a ward")
}

pub(super) fn born(id: &str, birth: &'static str, version: &'static str) -> impl FnMut(&mut Value) {
    let id = id.to_owned();
    let now = jiff::Timestamp::now().to_string();
    move |resource: &mut Value| {
        if resource["resourceType"] == "Patient" && resource["id"] == id.as_str() {
            resource["birthDate"] = birth.into();
            resource["meta"]["versionId"] = version.into();
            resource["meta"]["lastUpdated"] = now.as_str().into();
        }
    }
}

pub(super) fn a_typo_blocks_nobody(week: &mut Week) {
    let patient = somebody(week);
    week.serve_altered(1, born(&patient, "0951-04-03", "91"));
    let summary = week.runs(0, &[]);
    assert_eq!(summary.verdict, Verdict::CompleteWithRemarks, "{summary:#?}");
    let said = remarks(&summary);
    assert!(
        said.contains("patient") && said.contains("pat_birthdate"),
        "{said}"
    );
    assert!(!said.contains("0951"), "where, never what: {said}");
    let sql = format!(
        "SELECT pat_birthdate::text FROM cds2db_out.v_patient_last_version WHERE pat_id = '{patient}'"
    );
    assert_eq!(week.value(&sql), "0951-04-03", "handed on as the source wrote it");
    assert!(listed(week).values().flatten().any(|id| *id == patient));
    week.dataprocessor(&["run"]).ends_with(0);
    the_case_list_is_right(week, 1);
    week.call("cds2db", &["work", "status"])
        .ends_with(0)
        .says(&["pat_birthdate"]);
}

pub(super) fn it_is_corrected(week: &mut Week) {
    let patient = somebody(week);
    week.serve_altered(1, born(&patient, "1951-04-03", "92"));
    let summary = week.runs(0, &[]);
    assert!(!remarks(&summary).contains("pat_birthdate"), "{summary:#?}");
    let sql = format!(
        "SELECT pat_birthdate::text FROM cds2db_out.v_patient_last_version WHERE pat_id = '{patient}'"
    );
    assert_eq!(week.value(&sql), "1951-04-03");
    week.dataprocessor(&["run"]).ends_with(0);
    let said = week.hub(&["trace", "patient", &week.value(&format!(
        "SELECT patient_id::text FROM cds2db_out.v_patient_last_version WHERE pat_id = '{patient}' LIMIT 1"
    )), "--cell", "pat_birthdate"]);
    let said = said.ends_with(0).says(&[
        "pat_birthdate: 1951-04-03",
        "version 92",
        "downloaded 2",
        "shown since",
    ]);
    assert!(
        said.out.lines().count() <= 40 && !said.out.contains("version 91"),
        "{}",
        said.out
    );
}

/// An empty ward day stops once, before the case list is emptied, and says how to go on.
pub(super) fn nobody_on_the_wards(week: &mut Week) {
    let before = listed(week);
    let nobody = "[\"ward_name = 'W'\", \"location/location/reference = 'no such ward'\"]";
    let config = week.path("site/cds2db_config.toml");
    let good = std::fs::read_to_string(&config).expect("reads");
    let mut bad: String = good
        .lines()
        .filter(|line| !line.starts_with("ENCOUNTER_FILTER_PATTERN"))
        .map(|line| format!("{line}\n"))
        .collect();
    bad.push_str(&format!("\n[wards]\nENCOUNTER_FILTER_PATTERN_1 = {nobody}\n"));
    std::fs::write(&config, &bad).expect("writes");
    let summary = week.runs(4, &[]);
    assert_eq!(summary.verdict, Verdict::Incomplete);
    assert!(
        summary.incomplete[0].cause.contains("EMPTY_WARDS"),
        "{summary:#?}"
    );
    assert_eq!(listed(week), before, "nothing was changed");
    let summary = week.runs(0, &[]);
    assert_eq!(summary.verdict, Verdict::CompleteWithRemarks, "{summary:#?}");
    assert!(remarks(&summary).contains("match none of"), "{summary:#?}");
    assert_eq!(
        listed(week).into_values().flatten().collect::<Vec<_>>(),
        ["EMPTY_DATA"],
        "it is recorded"
    );
    std::fs::write(&config, good).expect("writes");
    week.runs(0, &[]);
    assert_eq!(listed(week), before);
    // The next empty day stops again.
    std::fs::write(&config, bad).expect("writes");
    week.runs(4, &[]);
}

/// Every output can be reconstructed for a moment.
pub(super) fn what_was_shown_then(week: &mut Week, first: &FirstDay) {
    let said = week
        .hub(&["as-of", &first.read_at, "v_fall_fe_last_import"])
        .ends_with(0);
    let mut lines = said.out.lines();
    let heads: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let at = heads
        .iter()
        .position(|head| *head == "fall_fhir_enc_id")
        .expect("the column");
    let mut then: Vec<&str> = lines.filter_map(|line| line.split(',').nth(at)).collect();
    then.sort_unstable();
    assert_eq!(then.join(","), first.list);
    let id = week.value("SELECT max(fall_fe_id)::text FROM db2dataprocessor_out.v_fall_fe_last_import");
    let said =
        week.hub(&["trace", "fall_fe", &id])
            .ends_with(0)
            .says(&["Encounter/", "downloaded 2", "typed 2"]);
    assert!(said.out.lines().count() <= 40, "one screen: {}", said.out);
}
