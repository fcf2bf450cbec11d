//! A project in a folder of its own, run by the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) struct Workspace {
    pub(crate) folder: tempfile::TempDir,
}

impl Workspace {
    /// A project with a runner `sh:v1` for shell scripts.
    pub(crate) fn new(project: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pipeline-test-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a folder");
        let workspace = Self { folder };
        workspace.write("project.yaml", project);
        workspace.write("runners.toml", "\"sh:v1\" = [\"sh\"]\n");
        workspace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (name, rest) = arguments.split_first().expect("a command");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
        command
            .arg(name)
            .arg("-C")
            .arg(self.folder.path())
            .args(rest)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Runs a command that must succeed and gives what it wrote.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{arguments:?}\n{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Runs a command that must fail and gives all it wrote.
    pub(crate) fn bad(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!output.status.success(), "{arguments:?}\n{text}");
        text
    }

    /// Path and content of every file in a store.
    pub(crate) fn files(&self, store: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        gather(&self.path(store), "", &mut files);
        files
    }

    pub(crate) fn names(&self, store: &str) -> Vec<String> {
        self.files(store).into_keys().collect()
    }

    /// The jobs of the last request, as JSON.
    pub(crate) fn jobs(&self) -> Vec<serde_json::Value> {
        let text = self.good(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        status[1].as_array().expect("jobs").clone()
    }
}

fn gather(folder: &Path, above: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("an entry");
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a type").is_dir() {
            gather(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).expect("read"));
        }
    }
}
