//! What is wrong with a project file, and what is odd about it.

use std::fmt;

use crate::Place;

/// Something that is wrong with a project file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule that is broken.
    pub rule: Rule,
    /// Where.
    pub at: Place,
    /// What is wrong there.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(rule: Rule, at: Place, message: impl Into<String>) -> Self {
        Self {
            rule,
            at,
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.message)
    }
}

/// Something that is allowed but should be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub at: Place,
    /// What should be known.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.message)
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident $name:literal $whose:ident $advice:literal;)*) => {
        /// The rules of a project file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule { $($(#[$doc])* $rule,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$rule),*];

            /// A short name that stays the same, for programs.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// What to do when the rule is broken.
            #[must_use]
            pub fn advice(self) -> &'static str {
                match self { $(Self::$rule => $advice,)* }
            }

            /// Whether the rule is OpenSAFELY's alone: a file that breaks it may be run here.
            #[must_use]
            pub fn is_only_there(self) -> bool {
                self == Self::PathParquet
            }

            /// Whether OpenSAFELY's validator has this rule too; the others are ours alone.
            #[must_use]
            pub fn is_original(self) -> bool {
                match self { $(Self::$rule => rules!(@ $whose),)* }
            }
        }
    };
    (@ original) => { true };
    (@ ours) => { false };
}

rules! {
    /// The text is not YAML, or not one document.
    Yaml "yaml" original "mend the YAML at this place: indent with blanks, quote texts with `: ` or `#`, close quotes and brackets";
    /// A tab stands between the parts of the text.
    Tab "tab" original "write blanks in place of the tab";
    /// A mapping has a key twice.
    DuplicateKey "duplicate-key" original "remove or rename one of the two";
    /// The document is not a mapping.
    Root "root" original "begin with `version: 5` and `actions:`";
    /// A key of the file's own structure is not a text.
    KeyNotText "key-not-text" original "use one of the keys that are known here";
    /// A key that the format does not know.
    UnknownKey "unknown-key" original "remove it, or mend its spelling";
    /// There is no version.
    VersionMissing "version-missing" original "write `version: 5` on the first line";
    /// The version is not a number.
    VersionNotNumber "version-not-number" original "write a number from 1 to 5, best `version: 5`";
    /// The version is newer than this program.
    VersionTooNew "version-too-new" original "use version 5, or a newer pipeline";
    /// The version is below 1 or not a number at all.
    VersionOdd "version-odd" ours "write a number from 1 to 5, best `version: 5`";
    /// The actions are not a mapping.
    ActionsNotMapping "actions-not-mapping" original "write `actions:` and below it one indented key an action";
    /// An action is not a mapping.
    ActionNotMapping "action-not-mapping" original "give the action `run:` and `outputs:`, indented below its name";
    /// The name of an action cannot be typed or stored.
    ActionName "action-name" ours "name the action with letters, digits, `_`, `-` and `.`, and quote numbers";
    /// `run_all` names an action.
    RunAll "run-all" original "rename the action: `run_all` stands for all of them";
    /// An action has no command.
    RunMissing "run-missing" original "add `run:` with a runner and its version, such as `python:v2 python script.py`";
    /// The command is not a text.
    RunNotText "run-not-text" original "write the command as one text";
    /// The command is empty.
    RunEmpty "run-empty" original "write a runner and its version, such as `python:v2 python script.py`";
    /// The command cannot be split into words.
    RunQuotes "run-quotes" original "close the quote, or remove the `\\` at the end";
    /// The first word of the command has no version.
    RunTag "run-tag" original "begin with NAME:vN, such as `python:v2`";
    /// The command uses `:latest`.
    RunLatest "run-latest" original "name a version, such as `:v2`, so that a later run does the same";
    /// Two actions have the same command.
    SameRun "same-run" original "make one action of the two, or tell them apart by an argument";
    /// `needs` is not a list.
    NeedsNotList "needs-not-list" original "write `needs: [first_action, second_action]`";
    /// A needed action is not a text.
    NeedNotText "need-not-text" original "write names of actions, with quotes if they look like numbers";
    /// A needed action has a blank in its name.
    NeedBlank "need-blank" original "put a comma between the names";
    /// A needed action does not exist.
    NeedUnknown "need-unknown" original "name an action of this file, or remove the entry";
    /// Actions need each other.
    Cycle "cycle" ours "remove one of these needs: an action can only use what was made before it";
    /// `config` is not a mapping.
    ConfigNotMapping "config-not-mapping" original "write `config:` and below it indented keys and values";
    /// `config` grows without end through aliases.
    ConfigTooLarge "config-too-large" ours "write the values out, without aliases of aliases";
    /// `dummy_data_file` is not a text.
    DummyDataNotText "dummy-data-not-text" original "write one path, with quotes if it looks like a number";
    /// An action has no outputs.
    OutputsMissing "outputs-missing" original "add `outputs:` with a privacy level, a name and a path";
    /// `outputs` is not a mapping.
    OutputsNotMapping "outputs-not-mapping" original "write `outputs:` and below it a privacy level";
    /// No privacy level is given.
    NoLevel "no-level" original "add highly_sensitive, moderately_sensitive or minimally_sensitive";
    /// Levels are given, but no path.
    NoPath "no-path" ours "name at least one output: without it nothing of the action is kept";
    /// A privacy level that does not exist.
    UnknownLevel "unknown-level" original "use highly_sensitive, moderately_sensitive or minimally_sensitive";
    /// A level is not a mapping.
    LevelNotMapping "level-not-mapping" original "write one `name: path` a line below the level";
    /// A path is not a text.
    PathNotText "path-not-text" original "write one path; use `*` or more names for more files";
    /// A path has a character that patterns do not know.
    PathPattern "path-pattern" original "use only `*`, which stands for any characters but `/`";
    /// A path has a backslash.
    PathBackslash "path-backslash" original "write `/` between folders";
    /// A path does not end with the type of the file.
    PathExtension "path-extension" original "end the path with the file's type, such as `.csv`";
    /// A path is not written in its shortest form.
    PathForm "path-form" original "remove `//`, `./`, `/../` and a `/` at the end";
    /// A path leads out of the project.
    PathOutside "path-outside" ours "write files below the project's folder; `..` leads out of it";
    /// A path is absolute.
    PathAbsolute "path-absolute" original "write the path from the project's folder, without a leading `/` or drive";
    /// A path lies in `metadata`.
    PathMetadata "path-metadata" original "use another folder: `metadata` is the record's own";
    /// A path lies in a folder that the pipeline keeps for itself.
    PathReserved "path-reserved" ours "use another folder: `metadata`, `level3`, `level4`, `released` and `.git` are not for outputs";
    /// A path has control characters, or blanks at its ends.
    PathCharacter "path-character" ours "use visible characters, and no blanks or dots at the ends of names";
    /// A type that must not be moderately sensitive.
    PathType "path-type" original "make it highly_sensitive, or write csv, jpg, jpeg, png, svg, svgz, html, txt, log, json, md or parquet";
    /// Parquet, which is looked into here.
    PathParquet "path-parquet" original "make it highly_sensitive, or write csv, for OpenSAFELY";
    /// Two outputs are the same path.
    SamePath "same-path" original "give each output a path of its own";
    /// Two outputs are the same path where the file system ignores case.
    FoldedPath "folded-path" ours "give the outputs paths that differ in more than case or accents' encoding";
    /// A path at one level is matched by a pattern of another level.
    Overlap "overlap" ours "make the patterns distinct, so that each file has one privacy level";
    /// `expectations` is missing in version 3.
    ExpectationsMissing "expectations-missing" original "add `expectations:` with `population_size:`, or use version 5";
    /// `expectations` is not allowed in this version.
    ExpectationsForbidden "expectations-forbidden" original "remove the section";
    /// `expectations` is not a mapping with a size.
    ExpectationsForm "expectations-form" original "write `population_size: 1000` and nothing else below `expectations:`";
    /// A cohortextractor action in a version that has none.
    CohortForbidden "cohort-forbidden" original "use a newer extraction, or version 3";
    /// `generate_cohort` with more than one level.
    CohortLevels "cohort-levels" original "give all outputs of the extraction one privacy level";
    /// `generate_cohort` with outputs in more than one folder.
    CohortFolders "cohort-folders" original "put the outputs into one folder, or say --output-dir";
    /// An extraction that is not highly sensitive.
    ExtractionLevel "extraction-level" original "make all outputs of the extraction highly_sensitive";
    /// An extraction that does not say where it writes.
    ExtractionOutput "extraction-output" original "add `--output` and the path that `outputs` names";
    /// An extraction that writes elsewhere than its outputs say.
    ExtractionMismatch "extraction-mismatch" original "make `--output` and the path below `outputs` the same";
}
