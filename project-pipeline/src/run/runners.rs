use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::{Error, ErrorKind, Result};

/// What the first word of a command stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    /// The program and its first arguments; empty: the action's own words are the program.
    pub command: Vec<String>,
    /// Whether its jobs may use the network.
    pub network: bool,
    /// Variables of the environment that its jobs get.
    pub env: Vec<String>,
}

/// Runners by name and version, such as `python:v2`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runners(BTreeMap<String, Runner>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Command(Vec<String>),
    Full(Full),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    command: Vec<String>,
    #[serde(default)]
    network: bool,
    #[serde(default)]
    env: Vec<String>,
}

impl Runners {
    /// The programs of this workspace. Those that read a FHIR server or the hub have the network.
    #[must_use]
    pub fn built_in() -> Self {
        let programs = [
            ("cds2db:v1", "cds2db", true),
            ("dataprocessor:v1", "dataprocessor", true),
            ("view:v1", "view", true),
            ("journal:v1", "journal", false),
        ];
        let runner = |program: &str, network| Runner {
            command: vec![beside(program)],
            network,
            env: if network {
                vec!["CDS2DB_*".to_owned(), "PG*".to_owned()]
            } else {
                Vec::new()
            },
        };
        Self(
            programs
                .map(|(name, program, network)| (name.to_owned(), runner(program, network)))
                .into(),
        )
    }

    /// Adds the runners of a TOML file: `"python:v2" = ["python3"]`, or a table with `command`, `network`, `env`.
    ///
    /// # Errors
    /// If the file cannot be read or is no such list.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::read(path, source))?;
        let written: BTreeMap<String, Written> =
            toml::from_str(&text).map_err(|source| ErrorKind::Runners {
                path: path.to_owned(),
                source,
            })?;
        for (name, written) in written {
            let full = match written {
                Written::Command(command) => Full {
                    command,
                    network: false,
                    env: Vec::new(),
                },
                Written::Full(full) => full,
            };
            let runner = Runner {
                command: full.command,
                network: full.network,
                env: full.env,
            };
            self.0.insert(name, runner);
        }
        Ok(())
    }

    /// Adds one runner.
    pub fn insert(&mut self, name: impl Into<String>, runner: Runner) {
        self.0.insert(name.into(), runner);
    }

    /// The runner of a name and version.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Runner> {
        self.0.get(name)
    }
}

/// A program of this workspace that lies beside this one, or else is searched for.
fn beside(program: &str) -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.parent()?.join(program)))
        .filter(|path| path.is_file())
        .map_or_else(|| program.to_owned(), |path| path.display().to_string())
}

impl Runner {
    /// Program and arguments for a command's words behind the first one. A leading word that repeats the runner's or the
    /// program's name (`python:v2 python a.py`) is left out.
    #[must_use]
    pub fn command_for(&self, name: &str, words: &[String]) -> Vec<String> {
        let own = name.split(':').next().unwrap_or_default();
        let program = self.command.first().and_then(|path| path.rsplit('/').next());
        let repeated = words
            .first()
            .is_some_and(|word| program.is_some_and(|program| word == program || word == own));
        self.command
            .iter()
            .chain(&words[usize::from(repeated)..])
            .cloned()
            .collect()
    }

    /// The variables that jobs get, with their values.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let wanted = |name: &str| {
            self.env.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern,
            })
        };
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| wanted(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_program_is_left_out() {
        let python = Runner {
            command: vec!["/usr/bin/python3".to_owned()],
            network: false,
            env: Vec::new(),
        };
        for (words, command) in [
            ("python a.py", "/usr/bin/python3 a.py"),
            ("python3 a.py", "/usr/bin/python3 a.py"),
            ("a.py", "/usr/bin/python3 a.py"),
        ] {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            assert_eq!(python.command_for("python:v2", &words).join(" "), command);
        }
        let any = Runner {
            command: Vec::new(),
            ..python
        };
        assert_eq!(
            any.command_for("sh:v1", &["sh".to_owned(), "-c".to_owned()]),
            ["sh", "-c"]
        );
    }
}
