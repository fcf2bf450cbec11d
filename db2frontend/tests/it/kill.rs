//! The program, killed at random moments.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::project::{export_to, records, start};
use crate::round_trip::Dice;
use crate::server::TestHub;

pub(crate) fn configured(url: &str, token: &str, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "PATH_TO_DB_CONFIG_TOML = \"./db.toml\"\nREDCAP_URL = \"{url}\"\nREDCAP_TOKEN = \"{token}\"\nMAX_DIR_COUNT = 3\n\
         FRONTEND_RUNS_DIR = \"./runs\"\n{more}\n"
    );
    std::fs::write(folder.path().join("db2frontend_config.toml"), text).unwrap();
    let database = "DB_HOST = \"h\"\nDB_NAME = \"d\"\nDB_DB2FRONTEND_USER = \"u\"\nDB_DB2FRONTEND_PASSWORD = \"Secret-Marker\"\n";
    std::fs::write(folder.path().join("db.toml"), database).unwrap();
    folder
}

pub(crate) fn program(folder: &Path, hub: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_db2frontend"));
    command
        .current_dir(folder)
        .env("CDS_HUB_URL", hub)
        .env_remove("RUST_LOG")
        .args(arguments);
    command
}

fn kill(folder: &Path, hub: &str, direction: &str, dice: &mut Dice) {
    let mut child = program(folder, hub, &[direction])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(u64::try_from(dice.below(400)).unwrap()));
    let _ = child.kill();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_loses_and_doubles_nothing() {
    let seeds = std::env::var("DB2FRONTEND_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3);
    let t = TestHub::with_patients(5).await;
    let calm = start();
    export_to(&t, &calm).await.unwrap();
    let wanted = calm.rows();
    for seed in 0..seeds {
        let mut dice = Dice::new(seed);
        let server = start();
        let folder = configured(server.url(), server.token(), "");
        for _ in 0..2 {
            kill(folder.path(), &t.url, "export", &mut dice);
        }
        let out = program(folder.path(), &t.url, &["export"]).output().unwrap();
        assert!(
            out.status.success(),
            "seed {seed}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        assert_eq!(server.rows(), wanted, "seed {seed}");
        let note = format!("kill {seed}");
        server.edit(|p| {
            for id in records(&calm) {
                for (field, text) in [
                    ("fall_meda_id", "F"),
                    ("meda_notiz", &note),
                    ("medikationsanalyse_complete", "2"),
                ] {
                    p.edit(&id, Some(("medikationsanalyse", 1)), field, text);
                }
            }
        });
        for _ in 0..2 {
            kill(folder.path(), &t.url, "import", &mut dice);
        }
        let out = program(folder.path(), &t.url, &["import"]).output().unwrap();
        assert!(
            out.status.success(),
            "seed {seed}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(
            said.starts_with("import: 5 records\n") && !said.contains("Marker"),
            "{said}"
        );
        let count = format!(
            "SELECT count(*) FROM db2frontend_out.v_medikationsanalyse_fe WHERE meda_notiz = '{note}'"
        );
        assert_eq!(t.texts(&count).await, ["(5)"], "seed {seed}");
        let waiting = "SELECT count(*) FROM db2frontend_in.medikationsanalyse_fe";
        assert_eq!(t.texts(waiting).await, ["(0)"], "seed {seed}");
    }
}
