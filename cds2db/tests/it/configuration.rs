//! The configuration files of the existing sites work unchanged.

use std::path::{Path, PathBuf};
use std::process::Command;

fn program(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/description/config")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: ../shared is absent, {name} was not read");
    None
}

#[test]
fn the_shipped_files_are_accepted_unchanged() {
    for name in ["cds2db_config.toml", "cds2db_config_example.toml"] {
        let Some(file) = shared(name) else { return };
        let (accepted, text) = program(&["config", "check", &file.display().to_string()]);
        assert!(accepted, "{text}");
        assert!(
            text.contains("GET Encounter?") && text.contains("cds2db_user on cds_hub:5432"),
            "{text}"
        );
    }
}

#[test]
fn the_debug_file_is_laid_over_and_warned_of() {
    let (Some(file), Some(debug)) = (shared("cds2db_config.toml"), shared("debug_cds2db_config_1.toml"))
    else {
        return;
    };
    let set = format!("DEBUG_PATH_TO_CONFIG_TOML={}", debug.display());
    let (accepted, text) = program(&["config", "check", &file.display().to_string(), "--set", &set]);
    assert!(accepted, "{text}");
    assert!(
        text.contains("IN USE, must be off in real operation: DEBUG_"),
        "{text}"
    );
}

#[test]
fn init_writes_a_file_that_check_accepts_and_no_run_shows_a_secret() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("cds2db_config.toml").display().to_string();
    std::fs::write(
        directory.path().join("cds_hub_db_config.toml"),
        "DB_CDS2DB_PASSWORD = \"SECRET\"\n",
    )
    .expect("writes");
    assert!(program(&["config", "init", &file]).0);
    let (again, text) = program(&["config", "init", &file]);
    assert!(
        !again && text.contains("cannot be written"),
        "an existing file is kept: {text}"
    );
    let (accepted, text) = program(&["config", "check", &file, "--set", "FHIR_TOKEN=SECRET"]);
    assert!(
        accepted && text.contains("a bearer token (not shown)") && !text.contains("SECRET"),
        "{text}"
    );
    let (accepted, text) = program(&["config", "check", &file, "--set", "IDS_AT_ONC=5"]);
    assert!(!accepted && text.contains("did you mean IDS_AT_ONCE?"), "{text}");
    let (accepted, text) = program(&["run", &file, "--dry-run"]);
    assert!(accepted && text.contains("/Encounter?date=lt"), "{text}");
}
