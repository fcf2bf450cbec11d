//! The load scripts of the standing whole, each with its engine where that can be had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cds2db::run::{DirectoryOptions, RunDirectory};
use fixtures::hospital::Hospital;
use table_description::default_description;
use work_dir::{Layout, TextForm, WorkDir};

use crate::select::select;
use crate::site::Site;

/// Two finished runs and the number of rows of each table in the whole, as the hub counts them.
struct Loaded {
    site: Site,
    /// Where the directory lies after it was moved.
    moved: PathBuf,
    directory: tempfile::TempDir,
    layout: Layout,
    rows: BTreeMap<String, u64>,
}

/// One run for all tests of this file.
async fn load() -> Loaded {
    let hospital = Hospital::new(5, 10);
    let mut site = Site::open(hospital.clone()).await;
    let directory = tempfile::tempdir().expect("directory");
    site.run_kept(directory.path()).await.expect("runs");
    let today = hospital.at(1);
    site.settings.now = Some(today.timestamp());
    site.server.set_store(today);
    let options = DirectoryOptions {
        fresh: true,
        text: Some(TextForm::Tsv),
        ..DirectoryOptions::default()
    };
    let kept = RunDirectory::open(directory.path(), options).expect("opens");
    let description = default_description();
    let summary = site.run_kept_in(directory.path(), &kept).await.expect("runs");
    assert!(summary.complete, "{:?}", summary.incomplete);
    kept.finish(&description, &summary).expect("finishes");
    let layout = kept.layout().clone();
    let mut rows = BTreeMap::new();
    for table in &description.tables {
        rows.insert(
            table.name.clone(),
            crate::whole::in_hub(&site, table).await.len() as u64,
        );
    }
    assert!(rows["observation"] > 10 && rows["patient"] > 2, "{rows:?}");
    let moved = directory.path().join("elsewhere");
    std::fs::create_dir(&moved).expect("makes");
    let parts = ["current", "whole", "rep_configs"].map(|name| directory.path().join(name));
    let copied = Command::new("cp").arg("-a").args(parts).arg(&moved).status();
    assert!(copied.expect("cp starts").success());
    Loaded {
        site,
        moved,
        directory,
        layout,
        rows,
    }
}

/// The number of typed rows of a table in a run's files.
pub(crate) fn rows_in_files(layout: &Layout, table: &str) -> u64 {
    let mut text = Vec::new();
    let files = layout.batch_files().expect("reads");
    if files.iter().any(|file| file.table == table) {
        work_dir::write_rows(layout, table, &mut text).expect("reads");
    }
    // One line a row, but for line feeds in quotes.
    let mut quoted = false;
    let ends = text.iter().filter(|&&byte| {
        quoted ^= byte == b'"';
        byte == b'\n' && !quoted
    });
    (ends.count() as u64).saturating_sub(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_engine_loads_every_row() {
    let loaded = load().await;
    duckdb_loads_every_row(&loaded);
    polars_loads_every_row(&loaded);
    spark_loads_every_row(&loaded);
    medpython_reads_every_value(&loaded);
    postgres_loads_every_row_and_value(&loaded).await;
    the_directory_is_private_complete_and_logs_hold_no_value(&loaded);
}

/// Whether python3 can import a module; says so where it cannot.
fn python_has(module: &str) -> bool {
    let import = Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .output();
    let has = import.is_ok_and(|output| output.status.success());
    if !has {
        x_skipped::skip!("python3 cannot import {module}, its load script was not run");
    }
    has
}

/// Runs python3 far from the directory; gives the number of rows of each table, as printed.
fn python(arguments: &[&str]) -> BTreeMap<String, u64> {
    let output = Command::new("python3").args(arguments).current_dir("/").output();
    let output = output.expect("python3 starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    counts(&String::from_utf8_lossy(&output.stdout))
}

impl Loaded {
    /// A script, here or where the directory was moved.
    fn script(&self, name: &str, moved: bool) -> String {
        let base = if moved { &self.moved } else { self.directory.path() };
        base.join("rep_configs").join(name).display().to_string()
    }
}

fn counts(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines
        .map(|(name, count)| (name.to_owned(), count.trim().parse().expect("a number")))
        .collect()
}

fn duckdb_loads_every_row(loaded: &Loaded) {
    if !python_has("duckdb") {
        return;
    }
    for moved in [false, true] {
        let script = loaded.script("load_duckdb.sql", moved);
        let place = format!("SET VARIABLE directory = '{}'", loaded.moved.display());
        let before = if moved { place.as_str() } else { "SELECT 1" };
        let program = format!(
            "import duckdb; c = duckdb.connect(); c.execute(\"{before}\"); c.execute(open('{script}').read())\n\
             for (t,) in c.execute('SELECT table_name FROM information_schema.tables').fetchall():\n    \
             print(t, c.execute(f'SELECT count(*) FROM \"{{t}}\"').fetchone()[0], sep='\\t')\n"
        );
        assert_eq!(python(&["-c", &program]), loaded.rows, "moved: {moved}");
    }
}

fn polars_loads_every_row(loaded: &Loaded) {
    if !python_has("polars") {
        return;
    }
    for moved in [false, true] {
        assert_eq!(python(&[&loaded.script("load_polars.py", moved)]), loaded.rows);
    }
}

fn spark_loads_every_row(loaded: &Loaded) {
    if !python_has("pyspark") {
        return;
    }
    assert_eq!(python(&[&loaded.script("load_spark.py", false)]), loaded.rows);
}

/// The original system's loader has every value of every signal, of the whole and of the run.
fn medpython_reads_every_value(loaded: &Loaded) {
    if !["med", "pandas", "duckdb"].into_iter().all(python_has) {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../work-dir/scripts/compare_medpython.py");
    for base in [loaded.directory.path(), loaded.layout.root()] {
        let output = Command::new("python3")
            .arg(&script)
            .arg(base)
            .current_dir("/")
            .output();
        let output = output.expect("python3 starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.contains(" 0 signals differ"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// PostgreSQL gets the rows and the values: the typed tables of the hub hold the same.
async fn postgres_loads_every_row_and_value(loaded: &Loaded) {
    let Some(psql) = psql() else {
        x_skipped::skip!("psql was not found, its load script was not run");
        return;
    };
    let admin = &loaded.site.database_url;
    // The server may be that of an earlier process.
    for statement in [
        "DROP DATABASE IF EXISTS load_elsewhere WITH (FORCE)",
        "CREATE DATABASE load_elsewhere",
    ] {
        let done = sqlx::raw_sql(statement).execute(loaded.site.hub.pool()).await;
        done.expect("makes the database");
    }
    let (base, _) = admin.rsplit_once('/').expect("a URL");
    let url = format!("{base}/load_elsewhere");
    let bin = Path::new(env!("CARGO_BIN_EXE_cds2db"))
        .parent()
        .expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let load = Command::new(psql)
        .args([
            "-v",
            "ON_ERROR_STOP=1",
            "--single-transaction",
            "-q",
            "-f",
            &loaded.script("load_postgres.sql", false),
        ])
        .arg(&url)
        .env("PATH", format!("{}:{path}", bin.display()))
        .current_dir("/")
        .output()
        .expect("psql starts");
    assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));
    let hub = cds_hub::Hub::connect(&url).await.expect("connects");
    let value = async |hub: &cds_hub::Hub, sql: &str| -> Vec<Option<String>> {
        select(hub, sql).await.into_iter().flatten().collect()
    };
    for (table, rows) in &loaded.rows {
        let count = value(&hub, &format!("SELECT count(*)::text FROM \"{table}\"")).await;
        assert_eq!(count, [Some(rows.to_string())], "{table}");
    }
    let same = [
        (
            "observation",
            "obs_id, obs_effectivedatetime::text, obs_valuequantity_value::text, obs_encounter_calculated_ref",
        ),
        (
            "encounter",
            "enc_id, enc_period_start::text, enc_partof_calculated_ref, enc_main_encounter_calculated_ref",
        ),
        ("patient", "pat_id, pat_birthdate::text, pat_gender"),
    ];
    for (table, columns) in same {
        let parts: Vec<&str> = columns.split(", ").collect();
        let sql = |from: &str| {
            format!(
                "SELECT DISTINCT concat_ws('|', {}) FROM {from} ORDER BY 1",
                parts.join(", ")
            )
        };
        let (here, there) = (
            value(&hub, &sql(table)).await,
            value(
                &loaded.site.hub,
                &sql(&format!("cds2db_out.v_{table}_last_version")),
            )
            .await,
        );
        assert!(
            !here.is_empty() && here == there,
            "{table}: {} and {} rows",
            here.len(),
            there.len()
        );
    }
}

/// psql on the path, or where Debian keeps it.
fn psql() -> Option<PathBuf> {
    let works = |path: &Path| {
        Command::new(path)
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success())
    };
    let found = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let debian = found.map(|entry| entry.path().join("bin/psql"));
    std::iter::once(PathBuf::from("psql"))
        .chain(debian)
        .find(|path| works(path))
}

fn the_directory_is_private_complete_and_logs_hold_no_value(loaded: &Loaded) {
    use std::os::unix::fs::PermissionsExt;

    let layout = &loaded.layout;
    let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(layout.root()), 0o700);
    assert_eq!(
        (mode(&layout.run()), mode(&layout.id2nr()), mode(&layout.status())),
        (0o600, 0o600, 0o600)
    );
    assert!(!layout.spools().exists() && layout.is_finished());
    let log = std::fs::read_to_string(layout.process_log("observation")).expect("a log");
    assert!(
        log.contains(":: batch_0 :: fetched:") && log.contains(":: batch_0 :: written:"),
        "{log}"
    );
    for table in ["observation", "patient", "encounter"] {
        let log = std::fs::read_to_string(layout.process_log(table)).expect("a log");
        assert!(!log.contains("pat-"), "{log}");
    }
    let states =
        [layout.status(), layout.batch_status()].map(|path| std::fs::read_to_string(path).expect("a state"));
    for text in states {
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields.len(), 3, "{line}");
            assert!(fields[1].len() == "2026-11-22 08:51:52.248400".len(), "{line}");
        }
    }
    let text = std::fs::read_to_string(layout.text("observation", 0)).expect("rows as text");
    let numbers: Vec<u32> = text
        .lines()
        .map(|l| {
            l.split('\t')
                .next()
                .unwrap_or_default()
                .parse()
                .expect("a number")
        })
        .collect();
    assert!(numbers.is_sorted() && !numbers.is_empty());
    assert!(
        text.lines()
            .all(|line| line.split('\t').nth(1) == Some("observation"))
    );
    // A new run goes on with the numbers.
    let before = std::fs::read_to_string(layout.id2nr()).expect("numbers");
    let next = RunDirectory::open(loaded.directory.path(), DirectoryOptions::default()).expect("opens");
    assert_ne!(next.layout(), layout);
    let mut ids = work_dir::Id2Nr::open(next.layout(), None).expect("reads");
    let (first, number) = before
        .lines()
        .next()
        .and_then(|l| l.split_once('\t'))
        .expect("a line");
    assert_eq!(ids.number(first).to_string(), number);
    assert_eq!(
        WorkDir::look(next.layout().root())
            .expect("reads")
            .units()
            .count(),
        0
    );
    std::fs::remove_dir_all(next.layout().root()).expect("removes");
}
