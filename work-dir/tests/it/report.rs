use std::path::Path;

use work_dir::checks::{CheckOptions, Checks};
use work_dir::inspect::{Answer, Session};
use work_dir::report::{ReportOptions, write};
use work_dir::{Error, ErrorKind, Layout};

use crate::rows::{Observation, description, haemoglobin, ids, run};

/// A ward with several tests, a code of two patients, defects, and a run before with other values.
pub(crate) fn ward(directory: &Path, before: &Path) -> Layout {
    let description = description();
    let then = run(before, &[haemoglobin(50, 10)]);
    Checks::open(&then, Some(&description), CheckOptions::default())
        .unwrap()
        .whole(&[])
        .unwrap();
    let mut rows = haemoglobin(60, 20);
    for (i, row) in rows.iter_mut().enumerate() {
        match i % 20 {
            0..6 => {}
            6..12 => (row.code, row.unit) = ("2951-2".to_owned(), "mmol/L".to_owned()),
            _ => (row.code, row.unit) = ("8867-4".to_owned(), "/min".to_owned()),
        }
        if row.code == "2951-2" {
            row.value = row.value.map(|v| v + 126.0);
        } else if row.code == "8867-4" {
            row.value = row.value.map(|v| v * 6.0);
        }
        if i < 30 {
            row.code = "SECRET-OF-TWO".to_owned();
        }
        if i % 4 == 0 {
            row.unit = "mmHg".to_owned();
        }
    }
    let half = rows.split_off(rows.len() / 2);
    let layout = run(directory, &[rows, half]);
    let patients: Vec<String> = (0..3).map(|i| format!("p{i:04}")).collect();
    crate::rows::write(&layout, "patient", 0, ids("id", "patient", &patients));
    let summary = r#"{"complete": true, "verdict": "complete_with_remarks", "seconds": 12.5, "remarks": ["a remark of the run"],
        "about": {"server": "https://fhir.example/r4", "wards": ["3A"], "until": "2026-11-28T10:00:00Z", "run": 7,
        "description": "14 tables"}, "tables": {"observation": {"downloaded": 1200, "defects": 53,
        "defects_by_kind": {"not_a_date": 50, "not_a_decimal": 3}}},
        "stages": {"download": {"seconds": 8.25}, "type": {"seconds": 3.5}}}"#;
    std::fs::write(layout.summary(), summary).unwrap();
    layout
}

fn pages(few: u32) -> (String, String, String) {
    let (directory, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = ward(directory.path(), before.path());
    let description = description();
    Checks::open(&layout, Some(&description), CheckOptions::default())
        .unwrap()
        .whole(&[])
        .unwrap();
    let options = ReportOptions {
        few,
        before: Some(before.path().to_owned()),
        ..ReportOptions::default()
    };
    let written = write(&layout, Some(&description), &options).unwrap();
    assert_eq!((written.index.clone(), written.tables), (layout.index_page(), 2));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    (
        read(&layout.index_page()),
        read(&layout.table_page("observation")),
        read(&layout.table_page("patient")),
    )
}

#[test]
fn pages_show_what_the_issue_lists_and_need_no_other_file() {
    let (index, observation, _) = pages(5);
    for (what, text) in [
        ("stage times", "download"),
        ("tests that failed", "mm[Hg]"),
        ("counts over time", "rows by month of"),
        ("before and after", "500 (+140.0 %)"),
        ("the verdict", "Complete with remarks"),
        ("the server", "https:/<wbr>/<wbr>fhir.example/<wbr>r4"),
        ("what is remarked", "a remark of the run"),
        ("resources beside rows", "<th>resources</th>"),
        ("defects", "55"),
    ] {
        assert!(index.contains(text), "{what}");
    }
    for (what, text) in [
        ("null shares", "% empty"),
        ("distributions by code", "718-7 · g/dL"),
        ("references beside", "<th>reference</th>"),
        ("top codes", "most frequent"),
        ("by year", "by year"),
        ("by month", "by month of the year"),
        ("by day", "by day of the month"),
        ("defects by kind", "not_a_date"),
        ("product factor", "rows a resource on average"),
        ("the run before", "run before"),
        ("contents", "href=\"#columns\""),
        ("a search", "id=\"search\""),
        ("axis", "class=\"axis-name\""),
        ("batches with their digest", "digest of its input"),
        ("patients beside rows", "patients</span>"),
    ] {
        assert!(observation.contains(text), "{what}");
    }
    for page in [&index, &observation] {
        for outside in ["src=", "url(", "@import", "href=\"http", "<link rel=\"stylesheet"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}

#[test]
fn what_belongs_to_few_patients_is_hidden() {
    let (index, observation, patient) = pages(5);
    for page in [&index, &observation, &patient] {
        for secret in ["SECRET-OF-TWO", "p0001", "e0001", "o000001", "Patient/"] {
            assert!(!page.contains(secret), "{secret}");
        }
    }
    assert!(
        index.contains("fewer than 5 patients")
            && patient.contains("Fewer than 5 patients: nothing is shown")
    );
    assert!(observation.contains("hidden to protect") && observation.contains("class=\"few\""));
    let defects = &observation[observation.find(">Defects<").unwrap()..];
    assert!(
        defects.contains("fewer than 5") && !defects.contains("(53)"),
        "3 follows from 53 and 50"
    );
    let (index, observation, _) = pages(0);
    assert!(observation.contains("SECRET-OF-TWO"));
    assert!(index.contains("must not leave the clinic"));
}

/// What a reader looks for comes first: values, then dates, then what identifies.
#[test]
fn values_come_before_ids_and_failures_first() {
    let (index, observation, _) = pages(5);
    let at = |name: &str| {
        observation
            .find(&format!("<h3>{name}"))
            .unwrap_or_else(|| panic!("{name}"))
    };
    assert!(at("obs_valuequantity_value") < at("obs_effectivedatetime"));
    assert!(at("obs_effectivedatetime") < at("obs_id"));
    let place = |text: &str| index.find(text).unwrap();
    assert!(
        place("class=\"word") < place("Tests that failed")
            && place("Tests that failed") < place("<h2>Tables")
    );
    assert!(!index.contains("highest bar 1<") && !observation.contains("highest bar 1<"));
}

/// Shown cells and the total must not tell a hidden one.
#[test]
fn no_hidden_code_follows_from_the_total() {
    let (_, observation, _) = pages(5);
    let codes = observation.find("obs_code_code").expect("the column of codes");
    let card = &observation[codes..];
    let card = &card[..card.find("</section>").unwrap()];
    assert_eq!(
        card.matches("data-amount").count(),
        2,
        "of three other codes one more is hidden: {card}"
    );
}

#[test]
fn a_session_answers_and_keeps_what_was_asked_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let layout = run(directory.path(), &[haemoglobin(10, 10), haemoglobin(10, 10)]);
    let mut session = Session::open(&layout, "observation").unwrap();
    let mut ask = |line: &str| match session.answer(line).unwrap() {
        Answer::Text(text) => text,
        Answer::End => "END".to_owned(),
    };
    let text = ask("SELECT count(*) AS n FROM observation;");
    assert!(text.contains("200"), "{text}");
    assert!(ask(".tables").contains("observation") && ask(".columns").contains("obs_id"));
    assert!(ask(".tests").contains("not tested yet"));
    assert!(ask("SELECT nothing FROM nowhere").contains("cannot be answered"));
    assert!(ask(".nonsense").contains(".help"));
    assert_eq!(ask(".quit"), "END");
    let path = layout.session_log("observation");
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("SELECT count(*) AS n") && log.contains("200") && log.contains(".quit"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert_eq!(
        Session::open(&layout, "none").map_err(|e: Error| e.kind()).err(),
        Some(ErrorKind::Rows)
    );
}

#[test]
fn batches_with_different_columns_are_one_table() {
    let directory = tempfile::tempdir().unwrap();
    let rows: Vec<Observation> = haemoglobin(10, 10);
    let layout = run(directory.path(), std::slice::from_ref(&rows));
    let narrow = crate::rows::frame(&rows).drop_many(["obs_valuequantity_value"]);
    crate::rows::write(&layout, "observation", 1, narrow);
    let mut session = Session::open(&layout, "observation").unwrap();
    let answer = session
        .answer("SELECT count(*) AS n FROM observation WHERE obs_valuequantity_value IS NULL")
        .unwrap();
    assert!(matches!(answer, Answer::Text(text) if text.contains("100")));
    let description = description();
    write(&layout, Some(&description), &ReportOptions::default()).unwrap();
    let page = std::fs::read_to_string(layout.table_page("observation")).unwrap();
    assert!(page.contains("50 % empty"));
}
