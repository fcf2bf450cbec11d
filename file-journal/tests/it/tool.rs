//! The program: its words, exit codes and outputs.

use std::process::Command;

use crate::site::Site;

fn run(site: &Site, words: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_journal"))
        .arg("--config")
        .arg(site.path("config.toml"))
        .args(words)
        .output()
        .expect("starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        done.status.code().unwrap_or(-1),
        text(&done.stdout),
        text(&done.stderr),
    )
}

#[test]
fn a_site_s_day() {
    let site = Site::new("full");
    site.write("OMOP/a.csv", "a");
    site.write("OMOP/es\u{1b}[2Jcape.csv", "b");
    site.write("stray.txt", "s");
    let (code, out, _) = run(&site, &["update", "--version", "20260101000000"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("OMOP: 2 added") && out.contains("stray: stray.txt"),
        "{out}"
    );
    let (code, out, _) = run(&site, &["files", "--waiting"]);
    assert!(
        code == 0 && out.lines().count() == 2 && !out.contains('\u{1b}'),
        "{out}"
    );
    let (code, out, _) = run(&site, &["submit", "--max-num-files", "1", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &report["sent"], &report["waiting"]),
        (0, &1.into(), &1.into())
    );
    assert_eq!(run(&site, &["submit"]).0, 0);
    assert_eq!(run(&site, &["verify", "--deep"]).0, 0);
    std::fs::remove_file(site.path("central/20260101000000/OMOP/a.csv")).unwrap();
    let (code, out, _) = run(&site, &["verify"]);
    assert!(
        code == 3 && out.contains("missing: 20260101000000/OMOP/a.csv"),
        "{out}"
    );
    assert_eq!(run(&site, &["list"]).0, 0);
    let (_, history, _) = run(&site, &["history"]);
    assert!(
        history.contains("journal update") && history.contains("file upload"),
        "{history}"
    );
    let page = site.path("page.html");
    assert_eq!(
        run(&site, &["report", "--check", "-o", page.to_str().unwrap()]).0,
        0
    );
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("omop-table-missing") && !html.contains('\u{1b}') && !html.contains("<script"));
}

#[test]
fn faults_say_what_to_do() {
    let site = Site::new("full");
    for (words, code, says) in [
        (vec!["submit"], 1, "`journal update` makes one"),
        (vec!["files", "--version", "7"], 1, "no journal is there"),
        (vec!["update", "--modality", "Nothing"], 1, "there are OMOP"),
        (vec!["update", "--version", "../x"], 1, "name of a folder"),
        (vec!["nonsense"], 2, "unrecognized"),
        (vec!["checkout"], 1, "[journal.source]"),
        (vec!["script"], 1, "for az:// stores"),
    ] {
        let (got, _, err) = run(&site, &words);
        assert_eq!(got, code, "{words:?}: {err}");
        assert!(err.contains(says) || words == ["script"], "{words:?}: {err}");
    }
}

#[test]
fn a_script_quotes_every_name_and_sets_every_variable() {
    let site = Site::new("full");
    site.configure(
        "[site_path.default]\npath='site'\n[central_path]\npath='az://box/in'\n[central_path.auth]\nazure_account_name='acc'\nazure_sas_token='SECRET'\n",
    );
    site.write("OMOP/it's $(x).csv", "a");
    site.scan("1");
    let (code, out, _) = run(&site, &["script", "--type", "azcli"]);
    assert_eq!(code, 0);
    assert!(out.contains(r"'in/1/OMOP/it'\''s $(x).csv'"), "{out}");
    assert!(!out.contains("SECRET"));
    // A shell with unset variables refused reads it to the end, with a stand-in that answers for Azure's program.
    let bin = site.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["az", "journal"] {
        let path = bin.join(name);
        std::fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let script = site.path("send.sh");
    std::fs::write(&script, out).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let done = Command::new("bash")
        .arg(script)
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_journal_of_the_first_layout_is_converted() {
    let site = Site::new("full");
    let database = rusqlite::Connection::open(site.path("journal.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE journal (FILE_ID INTEGER PRIMARY KEY AUTOINCREMENT, PERSON_ID INTEGER, FILEPATH TEXT, MODALITY TEXT, \
             SRC_MODTIME_us INTEGER, SIZE INTEGER, MD5 TEXT, TIME_VALID_us INTEGER, TIME_INVALID_us INTEGER, UPLOAD_DTSTR TEXT, \
             VERSION TEXT, STATE TEXT, MD5_DURATION REAL, UPLOAD_DURATION REAL, VERIFY_DURATION REAL);\
             INSERT INTO journal (PERSON_ID, FILEPATH, MODALITY, SRC_MODTIME_us, SIZE, MD5, TIME_VALID_us, TIME_INVALID_us, UPLOAD_DTSTR, VERSION, STATE) VALUES \
             (NULL, 'OMOP/it''s.csv', 'OMOP', 5, 1, '0cc175b9c0f1b6a831c399e269772661', 10, 20, '20250101000000', '20250101', 'OUTDATED'), \
             (7, '7/Images/s/r/a.dcm', 'Images', 6, 2, 'aa', 20, NULL, NULL, '20250201', 'ADDED');",
        )
        .unwrap();
    drop(database);
    let (code, _, err) = run(&site, &["list"]);
    assert!(code == 1 && err.contains("journal upgrade"), "{err}");
    let (code, out, _) = run(&site, &["upgrade"]);
    assert!(code == 0 && out.contains("2 rows"), "{out}");
    assert_eq!(
        site.rows(),
        [
            "7/Images/s/r/a.dcm 7 Images 2 aa 1 0 20250201",
            "OMOP/it's.csv  OMOP 1 0cc175b9c0f1b6a831c399e269772661 0 1 20250101"
        ]
    );
    assert_eq!(run(&site, &["upgrade"]).0, 0, "once more does nothing");
}
