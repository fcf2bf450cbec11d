use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Place, pattern, words};

/// Who may see a file; the order is from least to most protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing about persons. Kept beside the highly sensitive files all the same, and never released by this program.
    MinimallySensitive,
    /// Aggregates: approved researchers see them in a locked place, and reviewed ones can be released.
    ModeratelySensitive,
    /// Rows about persons: researchers never see them.
    HighlySensitive,
}

impl Level {
    /// All levels, most protected first.
    pub const ALL: [Self; 3] = [
        Self::HighlySensitive,
        Self::ModeratelySensitive,
        Self::MinimallySensitive,
    ];

    /// The level's key in a project file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::HighlySensitive => "highly_sensitive",
            Self::ModeratelySensitive => "moderately_sensitive",
            Self::MinimallySensitive => "minimally_sensitive",
        }
    }

    /// The level of a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.key() == key)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A named output of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Who may see it.
    pub level: Level,
    /// Its name.
    pub name: String,
    /// A path below the project's folder; `*` stands for any characters but `/`.
    pub pattern: String,
    /// Where the pattern stands in the file.
    pub at: Place,
}

/// A step of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Where the name stands in the file.
    pub at: Place,
    /// The command as written: runner, version, arguments.
    pub run: String,
    /// The actions whose outputs it reads, in the order of the file, each once.
    pub needs: Vec<String>,
    /// What it makes, most protected first.
    pub outputs: Vec<Output>,
    /// `config` as JSON, given to the command behind `--config`.
    pub config: Option<String>,
    /// A file to use in place of an extraction.
    pub dummy_data_file: Option<String>,
}

impl Action {
    /// Runner and arguments, with `config` at the end.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = words::split(&self.run).unwrap_or_default();
        if let Some(config) = &self.config {
            words.push("--config".to_owned());
            words.push(config.clone());
        }
        words
    }

    /// The command with `config`, quoted for a shell.
    #[must_use]
    pub fn command(&self) -> String {
        words::join(&self.words())
    }

    /// Runner and version, such as `python:v2`.
    #[must_use]
    pub fn runner(&self) -> String {
        self.words().first().cloned().unwrap_or_default()
    }

    /// Whether it reads the database rather than files.
    #[must_use]
    pub fn reads_database(&self) -> bool {
        let words = self.words();
        let runner = words
            .first()
            .and_then(|w| w.split_once(':'))
            .map_or("", |(name, _)| name);
        let command = words.get(1).map_or("", String::as_str);
        match runner {
            "ehrql" => matches!(command, "generate-dataset" | "generate-measures"),
            "sqlrunner" | "cds2db" => true,
            "cohortextractor" => matches!(command, "generate_cohort" | "generate_codelist_report"),
            "databuilder" => command == "generate-dataset",
            _ => false,
        }
    }

    /// The level of a file of this action: the most protected one that a pattern gives it.
    #[must_use]
    pub fn level_of(&self, path: &str) -> Option<Level> {
        self.outputs
            .iter()
            .filter(|output| pattern::matches(&output.pattern, path))
            .map(|output| output.level)
            .max()
    }
}

/// A study's actions, without faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// The version of the format, 1 to 5.
    pub version: f64,
    /// The actions in the order of the file, without an action named `run_all`.
    pub actions: Vec<Action>,
    /// The size of the dummy population of version 3, or 1000 before.
    pub population: Option<String>,
}

impl Project {
    /// The action of a name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// The command of an action as it is run: with `config`, and with what an old extraction needs to make dummy data.
    #[must_use]
    pub fn words(&self, action: &Action) -> Vec<String> {
        let mut words = action.words();
        let is_cohort = action.runner().starts_with("cohortextractor:")
            && words.get(1).is_some_and(|word| word == "generate_cohort");
        if is_cohort {
            match (&action.dummy_data_file, &self.population) {
                (Some(file), _) => words.push(format!("--dummy-data-file={file}")),
                (None, Some(size)) => words.push(format!("--expectations-population={size}")),
                (None, None) => {}
            }
            if let Some(output) = action.outputs.first() {
                let folder = output.pattern.rsplit_once('/').map_or(".", |(folder, _)| folder);
                words.push(format!("--output-dir={folder}"));
            }
        }
        words
    }

    /// Whether a path is the output of any action.
    #[must_use]
    pub fn is_output(&self, path: &str) -> bool {
        self.actions
            .iter()
            .flat_map(|action| &action.outputs)
            .any(|output| pattern::matches(&output.pattern, path))
    }
}
