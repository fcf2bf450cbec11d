//! The scenario that was recorded with the tool of the field: the same bytes, the same rows.

use std::fs;
use std::path::PathBuf;

use crate::site::Site;

/// The recorded journals, where they lie beside the project.
fn recorded() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/journal");
    let there = folder.join("journal_after_v2.tsv").exists();
    if !there {
        x_skipped::skip!("file-journal recorded: ../shared/journal is not there");
    }
    there.then_some(folder)
}

/// The rows of a recorded table, in the form of [`Site::rows`].
fn rows_of(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            [2, 1, 3, 4, 5, 6, 7, 8].map(|at| fields[at]).join(" ")
        })
        .collect();
    lines.sort();
    lines
}

/// Content with a digest that the recording names is searched for among short texts; the recording has no bytes.
fn first_day(site: &Site) {
    site.write("OMOP/person.csv", "person_id\n1001\n12");
    site.write("OMOP/visit_occurrence.csv", "v\n1\n2\n");
    site.write("1001/Images/study1/ser1/1001_1_CT_000.dcm", vec![b'i'; 1000]);
    site.write("1001/Waveforms/sess1/a.dat", vec![b'w'; 2000]);
    site.write("1001/Waveforms/sess1/a.hea", "a 1\n");
    site.write("1002/Waveforms/s2/b.hea", "b\n");
    site.write("Metadata/site.json", "{}\n");
    site.write("README.txt", "stray");
    for path in [
        "OMOP/visit_occurrence.csv",
        "Metadata/site.json",
        "1002/Waveforms/s2/b.hea",
    ] {
        site.touch(path, 1_700_000_000);
    }
}

fn second_day(site: &Site) {
    site.write("OMOP/person.csv", "person_id\n1001\n12\n1002");
    site.remove("1001/Waveforms/sess1/a.hea");
    site.touch("OMOP/visit_occurrence.csv", 1_700_000_500);
    fs::rename(
        site.path("site/1002/Waveforms/s2/b.hea"),
        site.path("site/1002/Waveforms/s2/c.hea"),
    )
    .unwrap();
    site.write("P77/Images/x/n.dcm", "n\n");
    site.write("P-77/Images/x/n.dcm", "n\n");
    site.write("Metadata/site.json", "{ \"a\": 1 }\n");
    site.touch("Metadata/site.json", 1_700_000_000);
}

/// The recorded rows without size and digest: the recording says which file had which row, not the bytes.
fn shape(lines: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            [0, 1, 2, 5, 6, 7].map(|at| fields[at]).join(" ")
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_recorded_days_give_the_recorded_rows() {
    let Some(folder) = recorded() else { return };
    let site = Site::new("full");
    first_day(&site);
    let report = site.scan("20260101000000");
    assert_eq!(report.stray, ["README.txt"]);
    assert!(site.submit().is_complete());
    let text = fs::read_to_string(folder.join("journal_after_v1.tsv")).unwrap();
    assert_eq!(shape(&site.rows()), shape(&rows_of(&text)));

    second_day(&site);
    let report = site.scan("20260201000000");
    let refused: Vec<&str> = report
        .modalities
        .iter()
        .flat_map(|m| &m.refused)
        .map(|refused| refused.path.as_str())
        .collect();
    assert_eq!(refused, ["P-77/Images/x/n.dcm"]);
    let waveforms = report
        .modalities
        .iter()
        .find(|m| m.modality == "Waveforms")
        .unwrap();
    assert_eq!(
        (
            waveforms.renamed[0].from.as_str(),
            waveforms.renamed[0].to.as_str()
        ),
        ("1002/Waveforms/s2/b.hea", "1002/Waveforms/s2/c.hea")
    );
    let sent = site.submit();
    assert!(sent.is_complete());
    assert_eq!(
        (sent.sent, sent.copied),
        (3, 1),
        "the renamed file is copied, not sent"
    );

    let text = fs::read_to_string(folder.join("journal_after_v2.tsv")).unwrap();
    let mut wanted = shape(&rows_of(&text));
    // The wanted difference: a file with the same time and another size gets a new row and is sent.
    wanted.push("Metadata/site.json  Metadata 1 1 20260201000000".to_owned());
    wanted.sort();
    assert_eq!(shape(&site.rows()), wanted);
    // And a touched file is not sent again.
    assert!(
        !site
            .path("central/20260201000000/OMOP/visit_occurrence.csv")
            .exists()
    );
    assert!(
        site.path("central/20260201000000/1002/Waveforms/s2/c.hea")
            .exists()
    );
}

#[test]
fn a_journal_of_the_other_tool_is_read_and_continued() {
    let Some(folder) = recorded() else { return };
    let site = Site::new("full");
    fs::copy(folder.join("journal_after_v2.db"), site.path("journal.db")).unwrap();
    let mut permissions = fs::metadata(site.path("journal.db")).unwrap().permissions();
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "a copy in a folder of the test's own"
    )]
    permissions.set_readonly(false);
    fs::set_permissions(site.path("journal.db"), permissions).unwrap();
    let text = fs::read_to_string(folder.join("journal_after_v2.tsv")).unwrap();
    assert_eq!(site.rows(), rows_of(&text));
    let journal = site.journal();
    let paths = |version: &str| -> Vec<String> {
        journal
            .files_of(version, None)
            .unwrap()
            .into_iter()
            .map(|row| row.path)
            .collect()
    };
    assert_eq!(
        paths("20260101000000").len(),
        7,
        "the past is as it was: {:?}",
        paths("20260101000000")
    );
    assert!(paths("20260101000000").contains(&"1002/Waveforms/s2/b.hea".to_owned()));
    assert!(paths("20260201000000").contains(&"1002/Waveforms/s2/c.hea".to_owned()));
    assert!(!paths("20260201000000").contains(&"1002/Waveforms/s2/b.hea".to_owned()));
    drop(journal);
    first_day(&site);
    let report = site.scan("20260301000000");
    assert!(report.changed());
    assert_eq!(site.journal().versions().unwrap().len(), 3);
}

#[test]
fn the_tables_are_the_recorded_ones() {
    let Some(folder) = recorded() else { return };
    let site = Site::new("full");
    drop(site.journal());
    let of = |path: PathBuf| -> Vec<String> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
        let uri = format!("file:{}?immutable=1", path.display());
        let database = rusqlite::Connection::open_with_flags(uri, flags).unwrap();
        let mut statement = database
            .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let texts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        texts
            .map(|text| text.unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    };
    assert_eq!(
        of(site.path("journal.db")),
        of(folder.join("journal_after_v1.db"))
    );
}
