//! Everything a site needs to begin, written into a directory.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use dataprocessor::config::{DATABASE_FILE, DATABASE_TEMPLATE, TEMPLATE};

use crate::config::default_file;
use crate::{Error, ErrorKind, Result};

/// Write everything a site needs to begin: configurations, tests of the data, services and the steps to take.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Directory to write into; files that are there are left as they are and nothing is written
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// One file.
struct NewFile {
    name: &'static str,
    text: String,
}

impl Init {
    pub(super) fn run(self) -> Result<ExitCode> {
        let failed = |e| {
            Error::new(
                ErrorKind::File,
                format!("{} cannot be made", self.directory.display()),
            )
            .because(e)
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(self.directory.join("systemd")).map_err(failed)?;
        let directory = self.directory.canonicalize().map_err(failed)?;
        let files = files(&directory);
        let there: Vec<&str> = files
            .iter()
            .filter(|file| self.directory.join(file.name).symlink_metadata().is_ok())
            .map(|file| file.name)
            .collect();
        if !there.is_empty() {
            let text = format!(
                "{} has {} already; nothing was written",
                self.directory.display(),
                there.join(", ")
            );
            return Err(Error::new(ErrorKind::File, text));
        }
        for file in &files {
            let path = self.directory.join(file.name);
            write_new(&path, &file.text)?;
            println!("wrote {}", path.display());
        }
        println!(
            "next: follow {}; it begins with the database and ends with the daily run",
            self.directory.join("README.md").display()
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn files(directory: &Path) -> Vec<NewFile> {
    let directory = directory.display().to_string();
    let service = |text: &str| text.replace("@DIR@", &directory);
    let file = |name, text: &str| NewFile {
        name,
        text: text.to_owned(),
    };
    vec![
        file("cds2db_config.toml", &default_file()),
        file(DATABASE_FILE, DATABASE_TEMPLATE),
        file("dataprocessor_config.toml", TEMPLATE),
        file("checks.toml", &commented(work_dir::checks::DEFAULT_RULES)),
        file("patients_example.txt", include_str!("site/patients.txt")),
        file(
            "systemd/cds2db.service",
            &service(include_str!("site/cds2db.service")),
        ),
        file(
            "systemd/dataprocessor.service",
            &service(include_str!("site/dataprocessor.service")),
        ),
        file("systemd/cds2db.timer", include_str!("site/cds2db.timer")),
        file(
            "systemd/cds-hub-serve.service",
            &service(include_str!("site/hub.service")),
        ),
        file("README.md", include_str!("site/README.md")),
    ]
}

/// The default rules as comments, so that what a site does not set follows later releases.
fn commented(rules: &str) -> String {
    let lines = rules.lines().map(|line| match line {
        "" => "\n".to_owned(),
        comment if comment.starts_with('#') => format!("{comment}\n"),
        rule => format!("#{rule}\n"),
    });
    lines.collect()
}

/// Writes a file that is not there yet and that only its owner can read, since it may come to hold a secret.
pub(super) fn write_new(path: &Path, text: &str) -> Result<()> {
    let failed = |e| Error::new(ErrorKind::File, format!("{} cannot be written", path.display())).because(e);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    /// What is written is taken by the programs' own readers, and no file is written over.
    #[test]
    fn what_a_site_gets_is_valid_as_it_stands() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let directory = folder.path().join("a/site");
        let init = || Init {
            directory: directory.clone(),
        };
        init().run().expect("writes");
        let config =
            Config::read(&directory.join("cds2db_config.toml"), &Overrides::default()).expect("reads");
        assert_eq!(config.notes, Vec::<String>::new());
        assert_eq!(config.settings.database.user, "cds2db_user");
        let shown = dataprocessor::Config::read(&directory.join("dataprocessor_config.toml")).expect("reads");
        assert_eq!(shown.encounter_classes, config.settings.encounters.classes);
        let rules = std::fs::read_to_string(directory.join("checks.toml")).expect("read");
        assert!(rules.lines().all(|line| line.is_empty() || line.starts_with('#')));
        let patients = std::fs::read_to_string(directory.join("patients_example.txt")).expect("read");
        assert_eq!(
            crate::ward::PidList::read(&patients)
                .expect("reads")
                .patients
                .len(),
            4
        );
        for file in files(&directory) {
            let mode = directory
                .join(file.name)
                .metadata()
                .expect(file.name)
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.name);
            assert!(!file.text.contains("@DIR@"), "{}", file.name);
        }
        std::fs::remove_file(directory.join("README.md")).expect("removed");
        let error = init().run().expect_err("refused").to_string();
        assert!(error.contains("cds2db_config.toml"), "{error}");
        assert!(!directory.join("README.md").exists(), "nothing was written");
    }
}
