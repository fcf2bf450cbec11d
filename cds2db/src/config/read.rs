use std::collections::BTreeMap;
use std::path::Path;

use fancy_regex::Regex;
use site_config::{Fault, FlatToml, Place, Reader, resolve};

use super::filter::filters;
use super::keys::{Effect, KEYS};
use super::{
    DatabaseSettings, DebugSettings, Deletions, EncounterSearch, ImportSettings, Overrides, ServerSettings,
    Settings, Wards,
};
use crate::ward::{PidList, WardDefinition};

/// A configuration that has been read: the settings, and what is worth telling.
#[derive(Debug, Default)]
pub struct Config {
    /// What the run needs.
    pub settings: Settings,
    /// Keys without effect, keys of other programs, wards that match everything: one line each.
    pub notes: Vec<String>,
}

/// Families whose members `Settings` reads one by one.
const ADD_SEARCH: &str = "DEBUG_ADD_FHIR_SEARCH_";

impl Config {
    /// Reads a configuration file with the files it names, and the overrides over it.
    ///
    /// # Errors
    /// All faults at once, each with file, line and key.
    pub fn read(file: &Path, overrides: &Overrides) -> Result<Self, Vec<Fault>> {
        let mut toml = FlatToml::read(file).map_err(|fault| vec![fault])?;
        overrides.lay_over(&mut toml)?;
        let mut faults = Vec::new();
        for key in ["DEBUG_PATH_TO_CONFIG_TOML", "PATH_TO_DB_CONFIG_TOML"] {
            let Some(path) = toml.text(key).filter(|p| !p.is_empty()) else {
                continue;
            };
            match FlatToml::read(&resolve(path, file)) {
                Ok(other) => toml.merge(other),
                Err(fault) => faults.push(fault),
            }
        }
        overrides.lay_over(&mut toml)?;
        let config = Self::from_toml(&toml, file);
        match config {
            Ok(config) if faults.is_empty() => Ok(config),
            Ok(_) => Err(faults),
            Err(more) => {
                faults.extend(more);
                Err(faults)
            }
        }
    }

    fn from_toml(toml: &FlatToml, file: &Path) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(toml, Place::new(file, 0));
        let r = &mut reader;
        r.require("FHIR_SERVER_ENDPOINT", "the base URL of the FHIR server");
        r.require(
            "PATH_TO_DB_CONFIG_TOML",
            "the file with the settings of the database",
        );
        let mut notes = Vec::new();
        let settings = Settings {
            verbose: u8::try_from(r.whole("VERBOSE", 0..=99).unwrap_or(4)).unwrap_or(9),
            max_dir_count: index(r.whole("MAX_DIR_COUNT", 0..=1_000_000), 5),
            server: server(r),
            wards: wards(r, toml, file, &mut notes),
            encounters: encounters(r),
            common_identifier_system: r
                .filled("COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM")
                .map(str::to_owned),
            min_patient_age: u32::try_from(r.whole("MIN_PATIENT_AGE", 0..=150).unwrap_or(0)).unwrap_or(0),
            request_test: r.flag("FHIR_SEARCH_ENCOUNTER_REQUEST_TEST").unwrap_or(false),
            debug: debug(r, toml),
            import: import(r, file),
            database: database(r),
            filters: filters(r),
            deletions: deletions(r),
            now: None,
        };
        r.text("PATH_TO_DB_CONFIG_TOML");
        r.text("DEBUG_PATH_TO_CONFIG_TOML");
        let own_dates = settings
            .encounters
            .additional
            .iter()
            .any(|(name, _)| name == "date");
        if own_dates
            && (settings.debug.starts_after.is_some() || settings.debug.starts_at_or_before.is_some())
        {
            r.fault(
                "FHIR_SEARCH_ENCOUNTER_ADDITIONAL_PARAMETERS",
                "holds a date of its own and so cannot stand beside DEBUG_ENCOUNTER_STARTS_…",
            );
        }
        let given = [
            ("DATA_IMPORT_RANGE_START", settings.import.range_start.is_some()),
            ("DATA_IMPORT_FHIR_PIDS", !settings.import.patients.is_empty()),
            ("DATA_IMPORT_FHIR_ENC_IDS", !settings.import.encounters.is_empty()),
            ("DATA_IMPORT_IDENTIFIERS", !settings.import.identifiers.is_empty()),
        ];
        let mut given = given.iter().filter(|(_, given)| *given).map(|(key, _)| *key);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            r.fault(
                second,
                format!("cannot stand beside {first}: a backfill loads one of them"),
            );
        }
        notes.extend(without_effect(r, toml));
        let findings = reader.finish();
        notes.extend(findings.unknown.iter().map(ToString::to_string));
        if findings.faults.is_empty() {
            Ok(Self { settings, notes })
        } else {
            Err(findings.faults)
        }
    }
}

fn index(number: Option<i64>, default: usize) -> usize {
    number.and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
}

fn owned(texts: Option<Vec<&str>>) -> Vec<String> {
    texts.unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// A list, or one text with the items separated by commas.
pub(super) fn comma_list(texts: Option<Vec<&str>>) -> Vec<String> {
    let items = texts.unwrap_or_default();
    items
        .iter()
        .flat_map(|t| t.split(','))
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect()
}

fn server(r: &mut Reader<'_>) -> ServerSettings {
    let endpoint = r
        .filled("FHIR_SERVER_ENDPOINT")
        .unwrap_or_default()
        .trim()
        .to_owned();
    if !endpoint.is_empty() && !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        r.fault("FHIR_SERVER_ENDPOINT", "must begin with http:// or https://");
    }
    let basic = r.filled("FHIR_SERVER_USER").zip(r.filled("FHIR_SERVER_PASS"));
    let user = r.filled("FHIR_TOKEN_REFRESH_USER").unwrap_or_default().to_owned();
    let password = r
        .filled("FHIR_TOKEN_REFRESH_PASSWORD")
        .unwrap_or_default()
        .to_owned();
    let refresh = r.filled("FHIR_TOKEN_REFRESH_URL").map(str::to_owned);
    let url = index(
        r.whole("MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS", 100..=1_000_000),
        2083,
    );
    let reserve = index(
        r.whole("MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS_RESERVE", 0..=1_000_000),
        300,
    );
    if url <= reserve {
        r.fault(
            "MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS_RESERVE",
            "must be smaller than the length it is taken from",
        );
    }
    let format = r.filled("FHIR_FORMAT").unwrap_or("json");
    if !["json", "xml"].contains(&format) {
        r.fault("FHIR_FORMAT", "must be json or xml");
    }
    ServerSettings {
        endpoint,
        basic: basic.map(|(user, password)| (user.to_owned(), password.to_owned())),
        token: r.filled("FHIR_TOKEN").map(str::to_owned),
        token_file: r.filled("FHIR_TOKEN_FILE").map(Into::into),
        token_refresh: refresh.map(|url| (url, user, password)),
        timeout_seconds: index(r.whole("FHIR_SEARCH_CURL_TIMEOUT", 1..=86_400), 1800) as u64,
        xml: format == "xml",
        by_subject: r.flag("FHIR_SEARCH_PIDS_BY_SUBJECT").unwrap_or(false),
        max_url_length: url.saturating_sub(reserve),
        count: r
            .whole("COUNT_PER_BUNDLE", 1..=100_000)
            .and_then(|n| u32::try_from(n).ok()),
        sort: r.filled("SORT").map(str::to_owned),
        ids_at_once: index(r.whole("IDS_AT_ONCE", 1..=100_000), 100),
        max_cores: index(r.whole("MAX_CORES", 0..=10_000), 0),
    }
}

fn encounters(r: &mut Reader<'_>) -> EncounterSearch {
    let mut additional = Vec::new();
    for text in r
        .texts("FHIR_SEARCH_ENCOUNTER_ADDITIONAL_PARAMETERS")
        .unwrap_or_default()
    {
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            match pair.split_once('=') {
                Some((name, value)) => additional.push((name.to_owned(), value.to_owned())),
                None => r.fault(
                    "FHIR_SEARCH_ENCOUNTER_ADDITIONAL_PARAMETERS",
                    "expected &name=value",
                ),
            }
        }
    }
    let pages = r.number("MAX_ENCOUNTER_BUNDLES").unwrap_or(f64::INFINITY);
    if pages < 1.0 || pages.is_nan() {
        r.fault("MAX_ENCOUNTER_BUNDLES", "must be a number from 1, or inf");
    }
    let status = r.texts("FHIR_SEARCH_ENCOUNTER_STATUS");
    EncounterSearch {
        status: status.map_or_else(|| "in-progress".to_owned(), |s| comma_list(Some(s)).join(",")),
        classes: comma_list(r.texts("FHIR_SEARCH_ENCOUNTER_CLASS")),
        location_ids: comma_list(r.texts("FHIR_SEARCH_ENCOUNTER_LOCATION_IDS")),
        additional,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "finite and at least 1"
        )]
        max_pages: (pages.is_finite() && pages >= 1.0).then_some(pages as usize),
    }
}

fn wards(r: &mut Reader<'_>, toml: &FlatToml, file: &Path, notes: &mut Vec<String>) -> Wards {
    let mut definitions = Vec::new();
    for (key, entry) in r.family("ENCOUNTER_FILTER_PATTERN") {
        match entry.strings() {
            Some(lines) => definitions.push((key.to_owned(), lines.into_iter().map(str::to_owned).collect())),
            None => r.fault(key, "must be a list of texts"),
        }
    }
    if let Some(path) = r.filled("PATH_TO_PID_LIST_FILE") {
        if !definitions.is_empty() {
            notes.push(
                "PATH_TO_PID_LIST_FILE is set: the ENCOUNTER_FILTER_PATTERN keys are switched off".to_owned(),
            );
        }
        return pid_list(r, path, file);
    }
    r.require("ENCOUNTER_FILTER_PATTERN", "one for each ward");
    match WardDefinition::read_all(&definitions) {
        Ok(wards) => {
            for ward in wards.iter().filter(|w| w.matches_everything()) {
                notes.push(format!(
                    "{}: a ward without a condition takes every encounter",
                    ward.key
                ));
            }
            Wards::Patterns(wards)
        }
        Err(faults) => {
            for fault in faults {
                let text = fault.to_string();
                let text = text
                    .strip_prefix(fault.key.as_str())
                    .map_or(text.as_str(), |t| t.trim_start_matches([',', ':', ' ']));
                r.fault(&fault.key, text);
            }
            let _ = toml;
            Wards::None
        }
    }
}

fn pid_list(r: &mut Reader<'_>, path: &str, file: &Path) -> Wards {
    match std::fs::read_to_string(resolve(path, file)) {
        Err(error) => r.fault(
            "PATH_TO_PID_LIST_FILE",
            format!("cannot be read: {}", error.kind()),
        ),
        Ok(text) => match PidList::read(&text) {
            Ok(list) => return Wards::List(list.patients),
            Err(faults) => faults
                .iter()
                .for_each(|f| r.fault("PATH_TO_PID_LIST_FILE", f.to_string())),
        },
    }
    Wards::None
}

fn debug(r: &mut Reader<'_>, toml: &FlatToml) -> DebugSettings {
    let mut add_search = BTreeMap::new();
    for (key, _) in r.family(ADD_SEARCH) {
        if let Some(text) = r.text(key) {
            add_search.insert(key[ADD_SEARCH.len()..].to_owned(), text.to_owned());
        }
    }
    let pattern = r.filled("DEBUG_FILTER_PIDS_PATTERN").map(Regex::new);
    if let Some(Err(_)) = pattern {
        r.fault("DEBUG_FILTER_PIDS_PATTERN", "is not a valid regular expression");
    }
    DebugSettings {
        active: toml
            .keys()
            .filter(|k| k.starts_with("DEBUG_"))
            .map(str::to_owned)
            .collect(),
        starts_after: moment(r, "DEBUG_ENCOUNTER_STARTS_AFTER"),
        starts_at_or_before: moment(r, "DEBUG_ENCOUNTER_STARTS_AT_OR_BEFORE"),
        accepted_pids: owned(r.texts("DEBUG_ENCOUNTER_ACCEPTED_PIDS")),
        add_search,
        ignore_last_update: r.flag("DEBUG_IGNORE_LAST_UPDATE_DATE").unwrap_or(false),
        skip_melting: owned(r.texts("DEBUG_SKIP_MELTING_RESOURCES")),
        pids_pattern: pattern.and_then(Result::ok),
    }
}

/// `YYYY-MM-DD`, `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS`, as a FHIR date-time without an offset.
fn moment(r: &mut Reader<'_>, key: &str) -> Option<String> {
    let text = r.filled(key)?.trim();
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let is_time = |t: &str| t.is_empty() || t.parse::<jiff::civil::Time>().is_ok();
    if date.len() != 10 || date.parse::<jiff::civil::Date>().is_err() || !is_time(time) {
        r.fault(key, "must be YYYY-MM-DD, YYYY-MM-DD HH:MM or YYYY-MM-DD HH:MM:SS");
        return None;
    }
    Some(match time.len() {
        0 => date.to_owned(),
        5 => format!("{date}T{time}:00"),
        _ => format!("{date}T{time}"),
    })
}

fn import(r: &mut Reader<'_>, file: &Path) -> ImportSettings {
    let list = |r: &mut Reader<'_>, key: &str, path_key: &str| {
        let mut ids = comma_list(r.texts(key));
        if let Some(path) = r.filled(path_key) {
            match std::fs::read_to_string(resolve(path, file)) {
                Ok(text) => {
                    let lines = text
                        .lines()
                        .map(|l| l.split('#').next().unwrap_or_default().trim());
                    ids.extend(lines.filter(|l| !l.is_empty()).map(str::to_owned));
                }
                Err(error) => r.fault(path_key, format!("cannot be read: {}", error.kind())),
            }
        }
        ids
    };
    let settings = ImportSettings {
        range_start: moment(r, "DATA_IMPORT_RANGE_START"),
        range_end: moment(r, "DATA_IMPORT_RANGE_END"),
        patients: list(r, "DATA_IMPORT_FHIR_PIDS", "DATA_IMPORT_PATH_TO_FHIR_PIDS"),
        encounters: list(r, "DATA_IMPORT_FHIR_ENC_IDS", "DATA_IMPORT_PATH_TO_FHIR_ENC_IDS"),
        identifiers: list(
            r,
            "DATA_IMPORT_IDENTIFIERS",
            "DATA_IMPORT_PATH_TO_FHIR_IDENTIFIERS",
        ),
    };
    if let (Some(start), Some(end)) = (&settings.range_start, &settings.range_end)
        && end <= start
    {
        r.fault(
            "DATA_IMPORT_RANGE_END",
            "must be later than DATA_IMPORT_RANGE_START",
        );
    }
    settings
}

fn deletions(r: &mut Reader<'_>) -> Deletions {
    match r.filled("FHIR_SEARCH_DELETIONS").map(str::trim) {
        None | Some("off") => Deletions::Off,
        Some("ids") => Deletions::Ids,
        Some("history") => Deletions::History,
        Some("export") => Deletions::Export,
        Some(_) => {
            r.fault("FHIR_SEARCH_DELETIONS", "must be off, ids, history or export");
            Deletions::Off
        }
    }
}

fn database(r: &mut Reader<'_>) -> DatabaseSettings {
    let port = r.whole("DB_PORT", 1..=65_535);
    let port = r.whole("DEBUG_DB_PORT", 1..=65_535).or(port);
    DatabaseSettings {
        host: r.filled("DB_HOST").unwrap_or("localhost").to_owned(),
        port: port.and_then(|p| u16::try_from(p).ok()).unwrap_or(5432),
        name: r.filled("DB_NAME").unwrap_or("cds_hub_db").to_owned(),
        user: r.filled("DB_CDS2DB_USER").unwrap_or("cds2db_user").to_owned(),
        password: r.text("DB_CDS2DB_PASSWORD").unwrap_or_default().to_owned(),
    }
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
            "x.toml:1: FHIR_SERVER_ENDPOINT: must begin with",
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

    #[test]
    fn debug_shows_no_secret() {
        let settings = read(&format!(
            "{MINIMAL}FHIR_TOKEN = \"SECRET\"\nDB_CDS2DB_PASSWORD = \"SECRET\"\n"
        ))
        .expect("reads")
        .settings;
        assert_eq!(settings.server.token.as_deref(), Some("SECRET"));
        assert!(!format!("{settings:?}").contains("SECRET"));
    }
}
