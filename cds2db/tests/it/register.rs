//! `cds2db work register`: a finished run's files and the standing whole in the journal of what a site submits.

use std::path::{Path, PathBuf};

use file_journal::config::Config;
use file_journal::progress::Silent;
use file_journal::{Journal, VerifyOptions, verify};

use crate::work_place::{Place, program};

/// A journal's configuration of its own, with a folder as central store.
fn journal(place: &Place, name: &str) -> PathBuf {
    let folder = place.directory.path().join(name);
    std::fs::create_dir_all(folder.join("site")).expect("a folder");
    let path = folder.join("config.toml");
    let text = "[journal]\njournaling_mode='full'\n[site_path.default]\npath='site'\n[site_path.Tables]\npath='site'\npattern='{filepath}'\n\
                [central_path]\npath='central'\n";
    std::fs::write(&path, text).expect("written");
    path
}

/// Registers; the exit code and what was said.
fn register(place: &Place, config: &Path, more: &[&str]) -> (bool, String) {
    let mut command = program();
    command
        .args(["work", "register", "--dir"])
        .arg(place.directory.path());
    command.arg("--config").arg(config).args(more);
    let output = command.output().expect("starts");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// Files below a folder.
fn files(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .expect("reads")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

/// Objects that a deep verification of the newest version proves.
fn proven(config: &Path) -> u64 {
    let config = Config::read(config).expect("valid");
    let journal = Journal::open(&config.journal).expect("opens");
    let options = VerifyOptions {
        deep: true,
        ..VerifyOptions::default()
    };
    let report = verify(&config, &journal, &options, &Silent).expect("verifies");
    assert_eq!(report.wrong.len(), 0);
    report.proven
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_the_whole_are_registered_as_tables() {
    let place = Place::open().await;
    place.run(&[]);
    let layout = place.layout();
    let tables = files(&layout.final_signals());
    assert!(tables > 3, "{tables}");

    let of_runs = journal(&place, "runs");
    let (good, text) = register(&place, &of_runs, &["--version", "20260101000000", "--submit"]);
    assert!(
        good && text.contains(&format!("{tables} added, 0 changed, 0 gone")),
        "{text}"
    );
    assert!(text.contains(&format!("{tables} files sent")), "{text}");
    assert_eq!(proven(&of_runs), tables);
    let sent = of_runs.with_file_name("central").join("20260101000000/Tables");
    assert_eq!(files(&sent), tables, "below the name of the modality");
    let (good, text) = register(&place, &of_runs, &["--submit"]);
    assert!(
        good && text.contains(&format!("0 added, 0 changed, 0 gone, {tables} as they were")),
        "{text}"
    );
    assert!(text.contains("0 files sent"), "{text}");

    let of_whole = journal(&place, "whole");
    let (good, text) = register(
        &place,
        &of_whole,
        &["--whole", "--version", "20260101000000", "--submit"],
    );
    assert!(good, "{text}");
    let standing = files(&layout.base().join("current").canonicalize().expect("the whole"));
    assert!(text.contains(&format!("{standing} added")), "{standing}: {text}");
    assert_eq!(proven(&of_whole), standing);

    // A configuration whose other verbs could not find the tables is refused.
    let text = std::fs::read_to_string(&of_whole).expect("reads");
    std::fs::write(&of_whole, text.replace("pattern='{filepath}'\n", "")).expect("written");
    let (good, text) = register(&place, &of_whole, &["--whole"]);
    assert!(!good && text.contains("[site_path.Tables] with path"), "{text}");

    // A run whose end is missing is not registered.
    std::fs::remove_file(layout.summary()).expect("removed");
    let (good, text) = register(&place, &of_runs, &[]);
    assert!(!good && text.contains("is not finished"), "{text}");
}
