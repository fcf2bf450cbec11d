use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, ErrorKind, Result};

/// The oldest major version the hub works with.
const OLDEST: u32 = 15;

/// What to do where nothing is found.
const ADVICE: &str = "install PostgreSQL 15 or newer (Debian and Ubuntu: apt install postgresql; Fedora: dnf install \
     postgresql-server; macOS: brew install postgresql@17), or set PG_BIN_DIR to the directory that holds initdb \
     and postgres, or give the URL of a running server";

/// Where the server's programs lie, and which version they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    bin: PathBuf,
    major: u32,
}

impl Programs {
    /// Looks in `PG_BIN_DIR`, then along `PATH`, then in the usual places of distributions (newest first).
    ///
    /// # Errors
    /// [`ErrorKind::NoPostgres`], saying which package to install.
    pub fn find() -> Result<Self> {
        Self::pick(None)
    }

    /// Like [`Self::find`], but of exactly this major version, as an existing data directory needs it.
    ///
    /// # Errors
    /// [`ErrorKind::NoPostgres`], saying which version was looked for.
    pub fn find_major(major: u32) -> Result<Self> {
        Self::pick(Some(major))
    }

    fn pick(major: Option<u32>) -> Result<Self> {
        let fits = |p: &Self| p.major >= OLDEST && major.is_none_or(|m| m == p.major);
        if let Some(dir) = std::env::var_os("PG_BIN_DIR").filter(|d| !d.is_empty()) {
            let found = Self::at(Path::new(&dir));
            return found.filter(fits).ok_or_else(|| {
                let wanted = major.unwrap_or(OLDEST);
                let or_newer = if major.is_some() { "" } else { " or newer" };
                let place =
                    format!("PG_BIN_DIR has no initdb and postgres of version {wanted}{or_newer}; {ADVICE}");
                Error::new(ErrorKind::NoPostgres, place)
            });
        }
        let mut places: Vec<Self> = usual_places().iter().filter_map(|d| Self::at(d)).collect();
        places.sort_by_key(|p| std::cmp::Reverse(p.major));
        on_path()
            .into_iter()
            .chain(places)
            .find(fits)
            .ok_or_else(|| match major {
                None => Error::new(ErrorKind::NoPostgres, ADVICE),
                Some(m) => Error::new(
                    ErrorKind::NoPostgres,
                    format!(
                        "the data directory was made by version {m}, whose programs are not here; {ADVICE}"
                    ),
                ),
            })
    }

    /// The programs of this directory, if it has them and they run.
    #[must_use]
    pub fn at(bin: &Path) -> Option<Self> {
        if !bin.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(bin.join("postgres"))
            .arg("--version")
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let major = major(std::str::from_utf8(&output.stdout).ok()?)?;
        Some(Self {
            bin: bin.to_owned(),
            major,
        })
    }

    /// Major version, such as 17.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Path of one program, such as `initdb`.
    #[must_use]
    pub fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }
}

/// The major version of a line such as `postgres (PostgreSQL) 17.2 (Debian 17.2-1)`.
fn major(line: &str) -> Option<u32> {
    let number = line.split_once("(PostgreSQL) ")?.1;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

/// Directories reached through PATH. Debian puts links to a wrapper there, others put links to single programs:
/// only the directory a link ends in can have all of them.
fn on_path() -> Vec<Programs> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = Vec::new();
    for dir in std::env::split_paths(&path) {
        for program in ["postgres", "initdb", "pg_ctl"] {
            let Some(real) = dir
                .join(program)
                .canonicalize()
                .ok()
                .and_then(|p| Some(p.parent()?.to_owned()))
            else {
                continue;
            };
            if !dirs.contains(&real) {
                dirs.push(real);
            }
        }
    }
    dirs.iter().filter_map(|d| Programs::at(d)).collect()
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("/usr/local/pgsql/bin")];
    let roots = [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
    ];
    for (root, prefix) in roots {
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        let named = entries.filter(|e| e.file_name().to_string_lossy().starts_with(prefix));
        places.extend(named.map(|e| e.path().join("bin")));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_read_from_what_postgres_prints() {
        for (line, wanted) in [
            ("postgres (PostgreSQL) 15.7 (Debian 15.7-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) 17", Some(17)),
            ("psql 9.6", None),
            ("", None),
        ] {
            assert_eq!(major(line), wanted, "{line}");
        }
    }

    #[test]
    fn directory_without_programs_is_no_place() {
        assert_eq!(Programs::at(Path::new("/")), None);
    }
}
