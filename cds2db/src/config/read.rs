//! Reads a configuration file with the files it names.

use std::path::Path;

use site_config::{Database, FlatToml, Place, Reader, resolve};

use super::encounters::ADDITIONAL;
use super::filter::filters;
use super::keys::{Effect, KEYS};
use super::{
    ChainSettings, DebugSettings, Deletions, EmptyWards, EncounterSearch, Faults, ImportSettings, Overrides,
    ServerSettings, Settings, Wards,
};

const SECOND_FILE: &str = "DEBUG_PATH_TO_CONFIG_TOML";
const DATABASE_FILE: &str = "PATH_TO_DB_CONFIG_TOML";

/// A configuration that has been read: the settings, and what is worth telling.
#[derive(Debug, Default)]
pub struct Config {
    /// What the run needs.
    pub settings: Settings,
    /// Keys without effect, keys of other programs, wards that match everything: one line each.
    pub notes: Vec<String>,
}

impl Config {
    /// Reads a configuration file with the files it names, and the overrides over it. Whatever a run would refuse of it is
    /// refused here.
    ///
    /// # Errors
    /// All faults at once, each with file, line and key.
    pub fn read(file: &Path, overrides: &Overrides) -> Result<Self, Faults> {
        let mut toml = FlatToml::read(file)?;
        overrides.lay_over(&mut toml)?;
        let mut faults = Vec::new();
        for key in [SECOND_FILE, DATABASE_FILE] {
            let Some(path) = toml.text(key).filter(|p| !p.is_empty()) else {
                continue;
            };
            match FlatToml::read(&resolve(path, file)) {
                Ok(other) => toml.merge(other),
                Err(fault) => faults.push(fault),
            }
        }
        overrides.lay_over(&mut toml)?;
        match Self::from_toml(&toml, file) {
            Ok(mut config) => match Faults::of(faults) {
                Some(faults) => Err(faults),
                None => {
                    config.notes.extend(overrides.notes());
                    Ok(config)
                }
            },
            Err(more) => {
                faults.extend(more.iter().cloned());
                Err(Faults::of(faults).unwrap_or(more))
            }
        }
    }

    fn from_toml(toml: &FlatToml, file: &Path) -> Result<Self, Faults> {
        let mut reader = Reader::new(toml, Place::new(file, 0));
        let r = &mut reader;
        r.require("FHIR_SERVER_ENDPOINT", "the base URL of the FHIR server");
        r.require(DATABASE_FILE, "the file with the settings of the database");
        r.text(SECOND_FILE);
        r.text(DATABASE_FILE);
        let mut notes = Vec::new();
        let default = Settings::default();
        let server = ServerSettings::read(r, file);
        let ours = server.own_bases();
        let settings = Settings {
            verbose: small(r.whole("VERBOSE", 0..=99)).unwrap_or(default.verbose),
            max_dir_count: super::texts::index(
                r.whole("MAX_DIR_COUNT", 0..=1_000_000),
                default.max_dir_count,
            ),
            date_precision: r.flag("DATE_PRECISION").unwrap_or(default.date_precision),
            description: r.filled("TABLE_DESCRIPTION").map(|text| match text {
                table_description::DEFAULT => text.into(),
                text => resolve(text, file),
            }),
            wards: Wards::read(r, toml, file, &ours, &mut notes),
            empty_wards: EmptyWards::read(r),
            stays_between_runs: r.flag("STAYS_BETWEEN_RUNS").unwrap_or(default.stays_between_runs),
            encounters: EncounterSearch::read(r, &ours),
            common_identifier_system: r
                .filled("COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM")
                .map(str::to_owned),
            min_patient_age: small(r.whole("MIN_PATIENT_AGE", 0..=150)).unwrap_or(default.min_patient_age),
            request_test: r
                .flag("FHIR_SEARCH_ENCOUNTER_REQUEST_TEST")
                .unwrap_or(default.request_test),
            debug: DebugSettings::read(r, toml, &ours),
            import: ImportSettings::read(r, file, &ours),
            chain: ChainSettings::read(r),
            database: database(r, file),
            filters: filters(r),
            deletions: Deletions::read(r),
            wait_seconds: None,
            load_connections: small(r.whole("LOAD_CONNECTIONS", 1..=64)),
            memory_bytes: server.memory_bytes,
            min_free_bytes: super::memory::read_free(r),
            now: None,
            server,
        };
        refuse_two_dates(&settings, r);
        notes.extend(without_effect(r, toml));
        let findings = reader.finish();
        notes.extend(findings.unknown.iter().map(ToString::to_string));
        match Faults::of(findings.faults) {
            None => Ok(Self { settings, notes }),
            Some(faults) => Err(faults),
        }
    }
}

fn small<T: TryFrom<i64>>(number: Option<i64>) -> Option<T> {
    number.and_then(|n| T::try_from(n).ok())
}

fn refuse_two_dates(settings: &Settings, r: &mut Reader<'_>) {
    let debug = &settings.debug;
    if settings.encounters.has_own_dates()
        && (debug.starts_after.is_some() || debug.starts_at_or_before.is_some())
    {
        r.fault(
            ADDITIONAL,
            "holds a date of its own and so cannot stand beside DEBUG_ENCOUNTER_STARTS_…",
        );
    }
}

/// How the hub is reached; `DEBUG_DB_PORT` wins over `DB_PORT`.
fn database(r: &mut Reader<'_>, file: &Path) -> Database {
    let mut database = Database::read_leniently(r, "CDS2DB", file);
    if let Some(port) = small(r.whole("DEBUG_DB_PORT", 1..=65_535)) {
        database.port = port;
    }
    database
}

/// Declares the keys that old files have and that do nothing, and says so for those that are there.
fn without_effect(r: &mut Reader<'_>, toml: &FlatToml) -> Vec<String> {
    let mut notes = Vec::new();
    for key in KEYS {
        let Effect::None(why) = key.effect else { continue };
        let members: Vec<&str> = match key.name.strip_suffix('*') {
            Some(prefix) => r.family(prefix).into_iter().map(|(name, _)| name).collect(),
            None => {
                r.accept(&[key.name]);
                toml.get(key.name).map(|_| key.name).into_iter().collect()
            }
        };
        let other_program = key.name.starts_with("DB_");
        for name in members
            .into_iter()
            .filter(|n| !other_program && *n != "DEBUG_FILTER_PIDS_PATTERN")
        {
            notes.push(format!("{name} has no effect: {why}"));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Vec<String>> {
        let file = Path::new("x.toml");
        let toml = FlatToml::parse(text, file).map_err(|f| vec![f.to_string()])?;
        Config::from_toml(&toml, file).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    const MINIMAL: &str = "FHIR_SERVER_ENDPOINT = \"http://h/fhir/\"\nPATH_TO_DB_CONFIG_TOML = \"db.toml\"\n\
                           ENCOUNTER_FILTER_PATTERN_1 = [\"ward_name = 'S'\", \"status = 'x'\"]\n";

    #[test]
    fn a_minimal_file_has_the_documented_defaults() {
        let settings = read(MINIMAL).expect("reads").settings;
        assert_eq!(settings.encounters.status, "in-progress");
        assert_eq!(settings.server.ids_at_once, 100);
        assert_eq!(settings.server.max_url_length, 1783);
        assert_eq!(settings.server.count, None);
        assert_eq!(
            (settings.database.port, settings.database.host.as_str()),
            (5432, "localhost")
        );
    }

    #[test]
    fn the_default_file_is_accepted_by_its_own_reader() {
        let config = read(&super::super::default_file()).expect("reads");
        assert_eq!(config.notes, Vec::<String>::new());
    }

    #[test]
    fn every_key_without_effect_is_accepted_and_reported() {
        let config = read(&format!(
            "{MINIMAL}MIN_BIRTHDAY = \"1910-01-01\"\nDEBUG_FILTER_CONDITION = \"1-10\"\n"
        ))
        .expect("reads");
        assert_eq!(config.notes.len(), 2, "{:?}", config.notes);
        assert!(config.notes[0].contains("MIN_BIRTHDAY has no effect"));
    }

    #[test]
    fn all_faults_at_once_with_line_and_key_and_no_value() {
        let faults = read(
            "FHIR_SERVER_ENDPOINT = \"ftp://SECRET\"\nIDS_AT_ONCE = 0\nVERBOS = 3\n\
             ENCOUNTER_FILTER_PATTERN_1 = [\"a = SECRET\"]\nDATA_IMPORT_RANGE_START = \"SECRET\"\n",
        )
        .expect_err("refused");
        let all = faults.join("\n");
        for expected in [
            "x.toml:1: FHIR_SERVER_ENDPOINT: the FHIR base URL must begin with",
            "x.toml:2: IDS_AT_ONCE: must be a whole number from 1",
            "x.toml:3: VERBOS: is not a known key; did you mean VERBOSE?",
            "x.toml:4: ENCOUNTER_FILTER_PATTERN_1: entry 1: Invalid subcondition",
            "x.toml:4: ENCOUNTER_FILTER_PATTERN_1: ward_name must occur exactly once",
            "x.toml:5: DATA_IMPORT_RANGE_START: must be YYYY-MM-DD",
            "x.toml: PATH_TO_DB_CONFIG_TOML: is missing",
        ] {
            assert!(all.contains(expected), "{expected} not in\n{all}");
        }
        assert!(!all.contains("SECRET"));
    }

    #[test]
    fn trap_27_sections_are_decoration_and_lists_may_be_texts() {
        let settings = read(&format!(
            "{MINIMAL}[a]\nFHIR_SEARCH_ENCOUNTER_CLASS = \"IMP, SS\"\n[b.c]\nFHIR_SEARCH_ENCOUNTER_LOCATION_IDS = [\"1\", \"2,3\"]\n\
             FHIR_SEARCH_ENCOUNTER_STATUS = [\"in-progress\", \"finished\"]\nMAX_ENCOUNTER_BUNDLES = 3\n"
        ))
        .expect("reads")
        .settings;
        assert_eq!(settings.encounters.classes, ["IMP", "SS"]);
        assert_eq!(settings.encounters.location_ids, ["1", "2", "3"]);
        assert_eq!(settings.encounters.status, "in-progress,finished");
        assert_eq!(settings.encounters.max_pages, Some(3));
    }

    /// A check reads the same way as a run, so what is refused here is refused by both.
    #[test]
    fn what_a_run_would_refuse_is_refused_with_its_key_and_without_its_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path.display().to_string()
        };
        let no_pem = path("no.pem", "MARKER");
        let two_lines = path("two", "MARKER\nMARKER\n");
        let bad_list = path("list", "p1\nMARKER;x\n");
        let refused = [
            ("FHIR_SERVER_ENDPOINT", "https://user:MARKER@host/fhir".to_owned()),
            ("FHIR_SERVER_ENDPOINT", "https://host/fhir?a=MARKER".to_owned()),
            ("FHIR_SERVER_ENDPOINT", "https://host/fhir#MARKER".to_owned()),
            ("FHIR_SERVER_ENDPOINT", "https://host:99999/MARKER".to_owned()),
            ("FHIR_SERVER_ENDPOINT", "ftp://host/MARKER".to_owned()),
            ("FHIR_TOKEN", "MARKER\\nX-Header: MARKER".to_owned()),
            ("FHIR_TOKEN_FILE", "/nowhere/MARKER".to_owned()),
            ("FHIR_TOKEN_FILE", two_lines),
            ("FHIR_TOKEN_REFRESH_URL", "MARKER".to_owned()),
            (
                "FHIR_TOKEN_REFRESH_URL",
                "https://user:MARKER@host/token".to_owned(),
            ),
            ("FHIR_OAUTH_CLIENT_SECRET", "MARKER\\n".to_owned()),
            ("FHIR_CA_FILE", no_pem.clone()),
            ("FHIR_CLIENT_CERT_FILE", no_pem.clone()),
            ("FHIR_SMART_KEY_FILE", no_pem),
            ("FHIR_PROXY_URL", "MARKER MARKER".to_owned()),
            ("FHIR_SERVER_ALIASES", "http://user:MARKER@h/fhir".to_owned()),
            ("FHIR_ALLOWED_LINK_ORIGINS", "https://h/MARKER".to_owned()),
            ("DB_SSL_MODE", "MARKER".to_owned()),
            ("DB_HOST", "MARKER@host".to_owned()),
            ("DATA_IMPORT_PATH_TO_FHIR_PIDS", bad_list),
            ("DATA_IMPORT_FHIR_PIDS", "MARKER;x".to_owned()),
            ("DATA_IMPORT_RESOURCE_TYPES", "Encounter".to_owned()),
            ("DEBUG_ADD_FHIR_SEARCH_CONDITION", "MARKER".to_owned()),
        ];
        for (key, value) in refused {
            let line = format!("{key} = \"{value}\"\n");
            let rest = MINIMAL.lines().filter(|l| !l.starts_with(key));
            let text = line + &rest.map(|l| format!("{l}\n")).collect::<String>();
            let faults = read(&text)
                .err()
                .unwrap_or_else(|| panic!("{key} = {value} is taken"));
            let all = faults.join("\n");
            assert!(
                all.contains(key) || key.starts_with("FHIR_OAUTH") || key.starts_with("FHIR_SMART"),
                "{all}"
            );
            assert!(!all.contains("MARKER"), "{key}: {all}");
        }
    }

    #[test]
    fn every_way_to_log_in_can_be_configured() {
        let oauth = "FHIR_OAUTH_TOKEN_URL = \"https://l/t\"\nFHIR_OAUTH_CLIENT_ID = \"c\"\n";
        for (keys, words) in [
            ("", "no credentials"),
            (
                "FHIR_SERVER_USER = \"u\"\nFHIR_SERVER_PASS = \"p\"\n",
                "user and password",
            ),
            (
                "FHIR_SERVER_USER = \"u\"\nFHIR_SERVER_PASS = \"p\"\nFHIR_TOKEN = \"t\"\n",
                "a bearer token (not shown)",
            ),
            (
                "FHIR_TOKEN = \"t\"\nFHIR_TOKEN_REFRESH_URL = \"http://h/t?x=1\"\n",
                "fetched from",
            ),
            (
                &format!("{oauth}FHIR_TOKEN = \"t\"\nFHIR_OAUTH_CLIENT_SECRET = \"s\"\n"),
                "OAuth 2.0",
            ),
        ] {
            let settings = read(&format!("{MINIMAL}{keys}")).expect(keys).settings;
            let found = super::super::login_in_words(&settings.server.login);
            assert!(found.contains(words), "{keys}: {found}");
        }
    }

    #[test]
    fn parameters_are_encoded_once() {
        let settings = read(&format!(
            "{MINIMAL}FHIR_SEARCH_ENCOUNTER_ADDITIONAL_PARAMETERS = \"&_tag=http%3A%2F%2Fx%7Cy\"\n"
        ))
        .expect("reads")
        .settings;
        assert_eq!(
            settings.encounters.additional,
            [("_tag".to_owned(), "http://x|y".to_owned())]
        );
    }

    #[test]
    fn phase_a_is_read_from_the_file_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("db.toml", "");
        write(
            "dataprocessor_config.toml",
            "PHASES_WARD_1 = [\"ward_name = 'S'\", \"phase_a_start = '2026-01-11 10:00:00'\"]\nFRONTEND_X = 3\n",
        );
        let config = |more: &str| {
            write("x.toml", &format!("{MINIMAL}{more}"));
            Config::read(&folder.path().join("x.toml"), &Overrides::default()).map_err(|f| f.to_string())
        };
        let begins = |config: &Config| match &config.settings.wards {
            Wards::Patterns(wards) => wards[0].begins.map(|b| b.to_string()),
            _ => None,
        };
        let found = config("").expect("reads");
        assert_eq!(begins(&found).as_deref(), Some("2026-01-11T10:00:00"));
        assert!(found.notes[0].contains("phase_a_start"), "{:?}", found.notes);
        let off = config("PATH_TO_DATAPROCESSOR_CONFIG_TOML = \"\"\n").expect("reads");
        assert_eq!(begins(&off), None);
        let own = config("PHASES_WARD_1 = [\"ward_name = 'S'\", \"phase_a_start = '2026-02-01'\"]\n")
            .expect("reads");
        assert_eq!(begins(&own).as_deref(), Some("2026-02-01T00:00:00"));
        write(
            "dataprocessor_config.toml",
            "PHASES_WARD_1 = [\"ward_name = 'S'\"]\n",
        );
        let fault = config("").expect_err("refused");
        assert!(
            fault.contains("dataprocessor_config.toml:1: PHASES_WARD_1: phase_a_start is missing"),
            "{fault}"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let settings = read(&format!(
            "{MINIMAL}FHIR_TOKEN = \"SECRET\"\nDB_CDS2DB_PASSWORD = \"SECRET\"\n"
        ))
        .expect("reads")
        .settings;
        assert_eq!(settings.database.password.as_deref(), Some("SECRET"));
        assert!(!format!("{settings:?}").contains("SECRET"));
    }
}
