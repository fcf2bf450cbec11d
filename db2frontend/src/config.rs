//! The configuration, read from the existing `db2frontend_config.toml`.

use std::path::{Path, PathBuf};

use site_config::{Database, Fault, FlatToml, Place, Reader, resolve};

use crate::api::{Format, Limits, Options, Token};
use crate::{Error, ErrorKind, Result};

const DATABASE_FILE: &str = "PATH_TO_DB_CONFIG_TOML";
const URL: &str = "REDCAP_URL";
const TOKEN: &str = "REDCAP_TOKEN";
const DELIMITER: &str = "REDCAP_CSV_DELIMITER";
const FORMAT: &str = "REDCAP_FORMAT";
const RULE: &str = "FRONTEND_CONFLICT_RULE";
const DICTIONARY: &str = "FRONTEND_DICTIONARY";
const EXPORTED: &str = "FRONTEND_EXPORT_FORMS";
const IMPORTED: &str = "FRONTEND_IMPORT_FORMS";

/// A commented configuration to begin with.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Whose value stands where a field was edited in the frontend and the hub has another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictRule {
    /// The hub's: what FHIR says returns with every export. The original's rule.
    #[default]
    Fhir,
    /// The frontend's: an edited field is not written again.
    Frontend,
    /// The frontend's until FHIR changes; then FHIR's.
    Newest,
}

impl ConflictRule {
    /// The rule of this name in the configuration: `fhir`, `frontend` or `newest`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "fhir" => Some(Self::Fhir),
            "frontend" => Some(Self::Frontend),
            "newest" => Some(Self::Newest),
            _ => None,
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fhir => "fhir",
            Self::Frontend => "frontend",
            Self::Newest => "newest",
        }
    }
}

/// All settings.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// How much is logged: 0 nothing, from 5 on each request. No level shows values.
    pub verbose: u8,
    /// How to reach the hub; absent where a configuration is made by a program.
    pub database: Option<Database>,
    /// How to reach the project; absent where files are exchanged.
    pub redcap: Option<Options>,
    /// File of the data dictionary for an exchange of files; without it fields are text without choices.
    pub dictionary: Option<PathBuf>,
    /// Forms that are written to the frontend; those of the original without this setting.
    pub export_forms: Option<Vec<String>>,
    /// Forms that are read from the frontend; those of the original without this setting.
    pub import_forms: Option<Vec<String>>,
    /// Whose value stands.
    pub conflict_rule: ConflictRule,
    /// Configuration of the retrieval, for the chain.
    pub cds2db: Option<PathBuf>,
    /// Configuration of the dataprocessor, for the chain.
    pub dataprocessor: Option<PathBuf>,
    /// Where the directories of runs are.
    pub runs: PathBuf,
    /// How many directories of runs are kept.
    pub keep: Option<usize>,
    /// Whether a chain that did not end is made up for before the next one.
    pub recover: bool,
    /// `DEBUG_…` keys in use, which must be off in real operation.
    pub debug_keys: Vec<String>,
    /// Keys of other modules, which this program does not know.
    pub unknown_keys: Vec<Fault>,
    /// Keys that are set and change nothing here, each with the reason.
    pub idle_keys: Vec<Fault>,
}

impl Config {
    /// Reads the configuration and the file it names for the way to the hub. `with_redcap` is whether the project is needed.
    ///
    /// # Errors
    /// One error with all faults of all files, each with file, line and key.
    pub fn read(file: &Path, with_redcap: bool) -> Result<Self> {
        let of_faults = |faults| Error::of_faults(ErrorKind::Configuration, faults);
        let toml = FlatToml::read(file).map_err(|fault| of_faults(vec![fault]))?;
        let mut faults = Vec::new();
        let database = toml
            .text(DATABASE_FILE)
            .filter(|t| !t.is_empty())
            .and_then(|path| {
                Database::read(&resolve(path, file), "DB2FRONTEND")
                    .map_err(|found| faults.extend(found))
                    .ok()
            });
        let mut reader = Reader::new(&toml, Place::new(file, 0));
        reader.extend(faults);
        let r = &mut reader;
        r.require(DATABASE_FILE, "file that says how to reach the hub");
        r.text(DATABASE_FILE);
        if with_redcap {
            r.require(URL, "address of the project's interface");
            r.require(TOKEN, "the project's token");
        }
        let path = |r: &mut Reader<'_>, key: &str| r.filled(key).map(|text| resolve(text, file));
        let mut config = Self {
            verbose: r
                .whole("VERBOSE", 0..=10)
                .and_then(|n| u8::try_from(n).ok())
                .unwrap_or(1),
            database,
            redcap: redcap(r, file),
            dictionary: path(r, DICTIONARY),
            export_forms: forms(r, EXPORTED),
            import_forms: forms(r, IMPORTED),
            conflict_rule: rule(r),
            cds2db: path(r, "PATH_TO_CDS2DB_CONFIG_TOML"),
            dataprocessor: path(r, "PATH_TO_DATAPROCESSOR_CONFIG_TOML"),
            runs: path(r, "FRONTEND_RUNS_DIR").unwrap_or_else(|| resolve("outputLocal/db2frontend", file)),
            keep: r
                .whole("MAX_DIR_COUNT", 0..=i64::MAX)
                .and_then(|n| usize::try_from(n).ok()),
            recover: r.flag("RECOVER_INCOMPLETE_TOOLCHAIN_RUNS").unwrap_or(false),
            debug_keys: debug_keys(&toml),
            unknown_keys: Vec::new(),
            idle_keys: idle_keys(&toml),
        };
        r.flag("LOG_TEMP_EXCEL_TABLES");
        r.whole("DEBUG_REDCAP_PORT", 1..=65535);
        r.text("DEBUG_CHANGE_REDCAP_DATA_SCRIPT_NAME");
        let findings = reader.finish();
        if !findings.faults.is_empty() {
            return Err(of_faults(findings.faults));
        }
        config.unknown_keys = findings.unknown;
        Ok(config)
    }

    /// What is logged by default, for `RUST_LOG`'s grammar.
    #[must_use]
    pub fn log_filter(&self) -> &'static str {
        match self.verbose {
            0 => "off",
            1..=4 => "warn",
            _ => "warn,db2frontend=debug",
        }
    }
}

fn redcap(r: &mut Reader<'_>, file: &Path) -> Option<Options> {
    let url = r.filled(URL).map(|url| url.trim().to_owned());
    let token = r.filled(TOKEN).map(|token| token.trim().to_owned());
    let format = match r.filled(FORMAT) {
        None | Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some(_) => {
            r.fault(FORMAT, "must be \"csv\" or \"json\"");
            Format::Csv
        }
    };
    if r.filled(DELIMITER)
        .is_some_and(|d| !matches!(d, "," | ";" | "\t" | " " | "|" | "^"))
    {
        r.fault(DELIMITER, "must be one of , ; tab blank | ^");
    }
    let ca_file = r.filled("REDCAP_CA_FILE").map(|text| resolve(text, file));
    let records = r.whole("REDCAP_RECORDS_PER_REQUEST", 1..=10_000);
    let url = url?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        r.fault(URL, "must be an address that begins with http:// or https://");
    }
    let token = token?;
    if token.contains(char::is_whitespace) {
        r.fault(TOKEN, "is no token: it holds blanks");
    }
    let limits = Limits::default();
    Some(Options {
        ca_file,
        format,
        limits: Limits {
            records: records
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(limits.records),
            ..limits
        },
        ..Options::new(url, Token::new(token))
    })
}

fn forms(r: &mut Reader<'_>, key: &str) -> Option<Vec<String>> {
    Some(r.texts(key)?.into_iter().map(str::to_lowercase).collect())
}

fn rule(r: &mut Reader<'_>) -> ConflictRule {
    let named = r.filled(RULE).map(ConflictRule::named);
    if named == Some(None) {
        r.fault(RULE, "must be \"fhir\", \"frontend\" or \"newest\"");
    }
    named.flatten().unwrap_or_default()
}

/// `DEBUG_…` keys that are set; an empty text counts as off.
fn debug_keys(toml: &FlatToml) -> Vec<String> {
    toml.keys()
        .filter(|k| k.starts_with("DEBUG_") && toml.text(k) != Some(""))
        .map(str::to_owned)
        .collect()
}

/// Keys of the original that are set and change nothing here.
fn idle_keys(toml: &FlatToml) -> Vec<Fault> {
    const IDLE: [(&str, &str); 4] = [
        (DELIMITER, "has no effect: the delimiter is found out"),
        (
            "LOG_TEMP_EXCEL_TABLES",
            "has no effect: db2frontend export --files writes the tables",
        ),
        (
            "DEBUG_REDCAP_PORT",
            "has no effect: the port is part of REDCAP_URL",
        ),
        (
            "DEBUG_CHANGE_REDCAP_DATA_SCRIPT_NAME",
            "has no effect: no script is run over the frontend's data",
        ),
    ];
    let set = |(key, why): (&str, &str)| {
        let entry = toml.get(key)?;
        (!entry.is_off()).then(|| Fault::of_key(entry.place().clone(), key, why.to_owned()))
    };
    IDLE.into_iter().filter_map(set).collect()
}
