//! A site of a test: folders, configuration and journal.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use file_journal::config::Config;
use file_journal::progress::Silent;
use file_journal::{Journal, ScanOptions, ScanReport, SubmitOptions, SubmitReport, scan, submit};

pub(crate) struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new(mode: &str) -> Self {
        let site = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        site.configure(&format!(
            "[journal]\njournaling_mode = '{mode}'\n[site_path.default]\npath = 'site'\n[central_path]\npath = 'central'\n"
        ));
        fs::create_dir_all(site.path("site")).unwrap();
        site
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("config.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> Config {
        Config::read(&self.path("config.toml")).expect("valid")
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::open(&self.config().journal).expect("opens")
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path("site").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Sets the time of modification: seconds since 1970.
    pub(crate) fn touch(&self, path: &str, seconds: u64) {
        let file = fs::File::options()
            .write(true)
            .open(self.path("site").join(path))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path("site").join(path)).unwrap();
    }

    pub(crate) fn try_scan(&self, version: &str, allow_delete: bool) -> file_journal::Result<ScanReport> {
        let options = ScanOptions {
            version: Some(version.to_owned()),
            allow_delete,
            ..ScanOptions::default()
        };
        scan(&self.config(), &mut self.journal(), &options, &Silent)
    }

    pub(crate) fn scan(&self, version: &str) -> ScanReport {
        self.try_scan(version, true).expect("scans")
    }

    pub(crate) fn submit(&self) -> SubmitReport {
        submit(
            &self.config(),
            &mut self.journal(),
            &SubmitOptions::default(),
            &Silent,
        )
        .expect("submits")
    }

    /// Every row as one line, in the order of the lines.
    pub(crate) fn rows(&self) -> Vec<String> {
        let rows = self.journal().all_rows().expect("reads");
        let mut lines: Vec<String> = rows
            .into_iter()
            .map(|row| {
                format!(
                    "{} {} {} {} {} {} {} {}",
                    row.path,
                    row.person.unwrap_or_default(),
                    row.modality,
                    row.size,
                    row.md5,
                    i32::from(row.invalid_us.is_none()),
                    i32::from(row.uploaded.is_some()),
                    row.version
                )
            })
            .collect();
        lines.sort();
        lines
    }
}

/// All files below a folder and their content; names beginning with a dot are left out.
pub(crate) fn tree(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        let path = entry
            .path()
            .strip_prefix(folder)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        if entry.file_type().is_file() && !path.split('/').any(|part| part.starts_with('.')) {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
    files
}
