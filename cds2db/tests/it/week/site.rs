//! A site of the week: a directory that `cds2db init` filled, a PostgreSQL of its own, a FHIR server, and the real programs.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cds_hub::Hub;
use cds_hub::cluster::{Cluster, ClusterOptions};
use cds2db::Summary;
use fixtures::Format;
use fixtures::hospital::Hospital;
use jiff::civil::Date;
use serde_json::Value;

const SEED: u64 = 4;
const PATIENTS: u32 = 40;
const DATABASE: &str = "cds_hub_db";

/// What a program said.
#[derive(Debug)]
pub(super) struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Said {
    /// Asserts the exit code.
    pub(super) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts that all of these are said, on either stream.
    pub(super) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.out.contains(text) || self.err.contains(text),
                "{text:?} is not said: {self:#?}"
            );
        }
        self
    }

    pub(super) fn within(self, seconds: u64) -> Self {
        assert!(self.took <= Duration::from_secs(seconds), "{self:#?}");
        self
    }

    /// The last line of standard output as JSON.
    pub(super) fn json(&self) -> Value {
        let line = self.out.lines().rfind(|line| line.starts_with(['{', '[']));
        serde_json::from_str(line.unwrap_or_else(|| panic!("no JSON: {self:#?}"))).expect("JSON")
    }
}

pub(super) struct Week {
    pub directory: tempfile::TempDir,
    cluster: Option<Cluster>,
    database_port: u16,
    server: Option<Child>,
    server_port: u16,
    pub start: Date,
}

impl Drop for Week {
    fn drop(&mut self) {
        self.stop_server();
    }
}

/// A program of the workspace. Where the whole workspace is tested cargo has built it; alone it is built here.
fn program(name: &str) -> PathBuf {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_cds2db"));
    let path = ours.with_file_name(name);
    if !path.exists() {
        let package = if name == "fixture-server" {
            "fixtures"
        } else {
            name
        };
        let built = Command::new(env!("CARGO"))
            .args([
                "build", "--quiet", "--locked", "-p", "cds2db", "-p", package, "--bins",
            ])
            .status();
        assert!(built.expect("cargo starts").success(), "{name} is built");
    }
    path
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Week {
    /// An empty directory and an empty database; nothing is configured.
    pub(super) fn begin() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let today = jiff::Zoned::now().date();
        let mut week = Self {
            directory,
            cluster: None,
            database_port: free_port(),
            server: None,
            server_port: free_port(),
            start: today.saturating_sub(jiff::Span::new().days(20)),
        };
        week.start_database();
        week
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("the database runs")
    }

    pub(super) fn start_database(&mut self) {
        let options = ClusterOptions {
            supervisor: Some(env!("CARGO_BIN_EXE_cds2db").into()),
            port: Some(self.database_port),
            volatile: true,
            ..ClusterOptions::default()
        };
        let cluster = Cluster::open(&self.path("postgres"), &options).expect("a database");
        self.cluster = Some(cluster);
    }

    pub(super) fn stop_database(&mut self) {
        self.cluster = None;
    }

    pub(super) fn database_address(&self) -> String {
        format!("127.0.0.1:{}", self.database_port)
    }

    pub(super) fn server_address(&self) -> String {
        format!("127.0.0.1:{}", self.server_port)
    }

    /// Rows of a query whose columns are text.
    pub(super) fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.on_hub(async |hub| crate::select::select(hub, sql).await)
    }

    /// The single value of a query.
    pub(super) fn value(&self, sql: &str) -> String {
        self.rows(sql)
            .into_iter()
            .flatten()
            .flatten()
            .next()
            .unwrap_or_default()
    }

    pub(super) fn count(&self, sql: &str) -> u64 {
        self.value(sql).parse().expect(sql)
    }

    /// Runs a statement as the owner.
    pub(super) fn execute(&self, sql: &str) {
        self.on_hub(async |hub| {
            let statement = sqlx::AssertSqlSafe(sql.to_owned());
            let done = sqlx::raw_sql(statement).execute(hub.pool()).await;
            done.unwrap_or_else(|e| panic!("{sql}: {e}"));
        });
    }

    fn on_hub<T>(&self, ask: impl AsyncFnOnce(&Hub) -> T) -> T {
        let url = self.owner_url();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let hub = Hub::connect(&url).await.expect("connects");
            let answer = ask(&hub).await;
            hub.close().await;
            answer
        })
    }

    /// Runs a program to its end.
    pub(super) fn call(&self, name: &str, arguments: &[&str]) -> Said {
        let begun = Instant::now();
        let output = self
            .command(name, arguments)
            .output()
            .expect("the program starts");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: begun.elapsed(),
        }
    }

    pub(super) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program(name));
        let site = self.path("site");
        if site.exists() {
            command.current_dir(site);
        }
        for variable in ["DATABASE_URL", "CDS_HUB_URL", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command.args(arguments);
        command
    }

    /// `cds-hub` as the owner of the database.
    pub(super) fn hub(&self, arguments: &[&str]) -> Said {
        let url = match &self.cluster {
            Some(cluster) => cluster.url_of(DATABASE),
            None => format!("postgres://nobody@{}/{DATABASE}", self.database_address()),
        };
        let all: Vec<&str> = [&["--database-url", &url][..], arguments].concat();
        self.call("cds-hub", &all)
    }

    /// How the owner of the database reaches it.
    pub(super) fn owner_url(&self) -> String {
        self.cluster().url_of(DATABASE)
    }

    /// The daily run.
    pub(super) fn run(&self, more: &[&str]) -> Said {
        self.call("cds2db", &[&["run", "cds2db_config.toml"][..], more].concat())
    }

    /// The daily run, which must end with this code; its figures, which `summary.json` repeats.
    pub(super) fn runs(&self, code: i32, more: &[&str]) -> Summary {
        let said = self.run(&[more, &["--json"]].concat()).ends_with(code);
        let summary: Summary = serde_json::from_value(said.json()).expect("a summary");
        let written = std::fs::read(self.path("site/summary.json")).expect("summary.json");
        let written: Summary = serde_json::from_slice(&written).expect("a summary");
        assert_eq!(written, summary, "file and program say the same");
        assert_eq!(summary.complete, code == 0, "{summary:#?}");
        summary
    }

    pub(super) fn dataprocessor(&self, more: &[&str]) -> Said {
        self.call("dataprocessor", more)
    }

    /// Gives keys of a file that `init` wrote another value; the file has them, set or in a comment.
    pub(super) fn set(&self, file: &str, values: &[(&str, &str)]) {
        let path = self.path("site").join(file);
        let mut text = std::fs::read_to_string(&path).expect("reads");
        for (key, value) in values {
            let is_key = |line: &str| {
                let line = line.trim_start_matches(['#', ':', ' ']);
                line.strip_prefix(key)
                    .is_some_and(|rest| rest.trim_start().starts_with('='))
            };
            let mut found = 0;
            let lines = text.lines().map(|line| match is_key(line) {
                true => {
                    found += 1;
                    format!("{key} = {value}\n")
                }
                false => format!("{line}\n"),
            });
            text = lines.collect();
            assert_eq!(found, 1, "{key} stands in {file} once");
        }
        std::fs::write(path, text).expect("writes");
    }

    /// The hospital that the server shows on a day.
    pub(super) fn hospital(&self, day: u32) -> Hospital {
        Hospital::new(SEED, PATIENTS)
            .with_origin(self.start)
            .at(day)
            .with_seen(jiff::Timestamp::now())
    }

    /// Shows another day.
    pub(super) fn serve_day(&mut self, day: u32) {
        let start = self.start.to_string();
        let (day, seed, patients) = (day.to_string(), SEED.to_string(), PATIENTS.to_string());
        self.serve(&[
            "--day",
            &day,
            "--start",
            &start,
            "--seed",
            &seed,
            "--patients",
            &patients,
        ]);
    }

    /// Shows a day with one resource altered.
    pub(super) fn serve_altered(&mut self, day: u32, mut alter: impl FnMut(&mut Value)) {
        let mut lines = String::new();
        for resource in self.hospital(day).resources(Format::Json) {
            let mut resource: Value = serde_json::from_slice(&resource.bytes).expect("JSON");
            alter(&mut resource);
            lines.push_str(&format!("{resource}\n"));
        }
        let file = self.path("altered.ndjson");
        std::fs::write(&file, lines).expect("writes");
        let file = file.display().to_string();
        self.serve(&["--input", &file]);
    }

    fn serve(&mut self, arguments: &[&str]) {
        self.stop_server();
        let port = self.server_port.to_string();
        let mut child = self
            .command("fixture-server", &[&["--port", &port][..], arguments].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let address = out
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with("http"));
        assert!(address.is_some(), "the server says its address");
        self.server = Some(child);
    }

    pub(super) fn stop_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.kill());
            drop(server.wait());
        }
    }

    /// Directories of runs, oldest first.
    pub(super) fn runs_kept(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path("site/runs")) else {
            return Vec::new();
        };
        let mut runs: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        runs.retain(|path: &PathBuf| Path::is_dir(path));
        runs.sort();
        runs
    }
}
