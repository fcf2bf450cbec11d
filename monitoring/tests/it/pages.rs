//! Pages of metrics: written, read, refused.

use std::os::unix::fs::PermissionsExt as _;

use monitoring::{Exposition, Family, Kind};

const ROWS: Family = Family::new("clinic_rows_total", Kind::Counter, "Rows by table.");
const AGE: Family = Family::new(
    "clinic_age_seconds",
    Kind::Gauge,
    "A \"text\" with \\ and\na second line.",
);

fn page() -> Exposition {
    let mut page = Exposition::default();
    page.add(ROWS, &[("table", "patient"), ("state", "new")], 3.0);
    page.add(ROWS, &[("state", "new"), ("table", "patient")], 4.0);
    page.add(
        ROWS,
        &[("table", "odd \"name\"\\,}\nof it"), ("state", "seen")],
        1.0,
    );
    page.set(AGE, &[], 0.25);
    page
}

#[test]
fn a_page_is_written_as_the_format_has_it() {
    let text = "\
# HELP clinic_age_seconds A \"text\" with \\\\ and\\na second line.
# TYPE clinic_age_seconds gauge
clinic_age_seconds 0.25
# HELP clinic_rows_total Rows by table.
# TYPE clinic_rows_total counter
clinic_rows_total{state=\"new\",table=\"patient\"} 7
clinic_rows_total{state=\"seen\",table=\"odd \\\"name\\\"\\\\,}\\nof it\"} 1
";
    assert_eq!(page().to_string(), text);
    assert_eq!(Exposition::read(text).expect("reads"), page());
}

#[test]
fn numbers_keep_their_value() {
    for value in [
        0.0,
        -1.5,
        1e21,
        1_764_422_400.125,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        let mut page = Exposition::default();
        page.set(AGE, &[], value);
        let read = Exposition::read(&page.to_string()).expect("reads");
        assert_eq!(read.get(AGE, &[]), Some(value));
    }
    let mut page = Exposition::default();
    page.set(AGE, &[], f64::NAN);
    let read = Exposition::read(&page.to_string()).expect("reads");
    assert!(read.get(AGE, &[]).is_some_and(f64::is_nan));
}

#[test]
fn what_is_no_page_is_refused_with_its_line() {
    for (line, text) in [
        (1, "clinic_rows_total"),
        (1, "clinic_rows_total 1"),
        (2, "# TYPE a gauge\na one"),
        (2, "# TYPE a gauge\na{b=\"c} 1"),
        (2, "# TYPE a gauge\na{b=c} 1"),
        (2, "# TYPE a gauge\na{1=\"c\"} 1"),
        (2, "# TYPE a gauge\na{b=\"\\x\"} 1"),
        (2, "# TYPE a gauge\na{b=\"1\",b=\"2\"} 1"),
        (2, "# TYPE a gauge\na{b} 1"),
        (2, "# TYPE a gauge\n1a 1"),
        (2, "# TYPE a gauge\na inf"),
        (3, "# TYPE a gauge\na 1\na 2"),
        (3, "# TYPE a gauge\na 1\n# HELP a too late"),
        (1, "# TYPE a-b gauge"),
        (1, "# TYPE a sausage"),
        (1, "# TYPE a"),
    ] {
        let fault = Exposition::read(text).expect_err(text).to_string();
        assert!(fault.starts_with(&format!("line {line} ")), "{text:?}: {fault}");
    }
    assert_eq!(
        Exposition::read("# a remark\n\n#\n").expect("reads"),
        Exposition::default()
    );
}

#[test]
fn a_file_is_replaced_as_a_whole_and_read_by_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clinic.prom");
    assert_eq!(
        Exposition::of_file(&path).expect("none yet"),
        Exposition::default()
    );
    page().write(&path).expect("writes");
    assert_eq!(Exposition::of_file(&path).expect("reads"), page());
    let mode = path.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .map(|f| f.file_name())
        .collect();
    assert_eq!(names, ["clinic.prom"], "nothing is left beside it");

    // What an accident left counts as nothing; the next page is whole again.
    for broken in [&b"clinic_rows_total{st"[..], &[0xff, 0xfe]] {
        std::fs::write(&path, broken).expect("writes");
        assert_eq!(Exposition::of_file(&path).expect("reads"), Exposition::default());
    }
    let nowhere = folder.path().join("no/such/folder.prom");
    assert!(page().write(&nowhere).is_err());
}

#[test]
fn samples_are_removed_by_their_labels() {
    let mut page = page();
    page.remove(ROWS, &[("table", "patient")]);
    assert_eq!(page.get(ROWS, &[("table", "patient"), ("state", "new")]), None);
    page.remove(AGE, &[]);
    assert!(!page.to_string().contains(AGE.name()));
}
