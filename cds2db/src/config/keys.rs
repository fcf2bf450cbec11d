//! Every key: the single list behind the default file, the reference and the environment.

/// One key of the configuration file: the single definition behind the reader, the default file and the reference
/// documentation.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Section of the default file; sections are only decoration.
    pub section: &'static str,
    /// Name; with a trailing `*` all keys that begin so.
    pub name: &'static str,
    /// How the default file writes it: a TOML literal, behind `#` where the key is not set by default.
    pub literal: &'static str,
    /// Whether the default file sets it.
    pub set: bool,
    /// What it does, with unit and default.
    pub text: &'static str,
    /// Whether it still does something.
    pub effect: Effect,
}

/// Whether a key does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is read.
    Read,
    /// It is accepted from old files and does nothing; the text says why.
    None(&'static str),
    /// It holds a secret and is never shown.
    Secret,
}

const fn key(section: &'static str, name: &'static str, literal: &'static str, text: &'static str) -> Key {
    Key {
        section,
        name,
        literal,
        set: true,
        text,
        effect: Effect::Read,
    }
}

impl Key {
    const fn unset(mut self) -> Self {
        self.set = false;
        self
    }

    const fn secret(mut self) -> Self {
        self.effect = Effect::Secret;
        self
    }

    const fn without_effect(mut self, why: &'static str) -> Self {
        self.effect = Effect::None(why);
        self.set = false;
        self
    }
}

const GENERAL: &str = "general";
const SERVER: &str = "retrieve.fhir_server";
const SEARCH: &str = "retrieve.fhir_search";
const WARDS: &str = "retrieve.patient_id_filtering";
const DEBUG: &str = "retrieve.debug";
const IMPORT: &str = "data.import";
const CHAIN: &str = "toolchain";
const DATABASE: &str = "database";

/// Every key, in the order of the default file.
pub const KEYS: &[Key] = &[
    key(GENERAL, "VERBOSE", "4", "How much is logged: 0 nothing, 1 main steps, 4 every step, 7 every page, 9 and above everything. No level shows values of patients."),
    key(GENERAL, "MAX_DIR_COUNT", "5", "How many directories of old runs are kept."),
    key(GENERAL, "DATE_PRECISION", "false", "Whether the Parquet files of the runs and of current/ have a column NAME_precision behind each date or time: year, month, day, minute or second, as much of it as was given. A birth year 1950 is a date 1950-01-01 otherwise.").unset(),
    key(GENERAL, "TABLE_DESCRIPTION", "\"./Table_Description.xlsx\"", "Description of the tables: a workbook, a CSV file or a folder; the word default for the one compiled in. Where not set, the one that the hub was made for, also where it was taken over from the original system.").unset(),
    key(GENERAL, "LOG_TEMP_EXCEL_TABLES", "false", "").without_effect("intermediate tables are not written; read the hub's raw and typed tables, or use cds2db flatten"),
    key(SERVER, "FHIR_SERVER_ENDPOINT", "\"http://localhost:8080/fhir\"", "Base URL of the FHIR server, with or without a slash at its end."),
    key(SERVER, "FHIR_SERVER_USER", "\"\"", "User for HTTP basic authentication; used where user and password are set and no token is."),
    key(SERVER, "FHIR_SERVER_PASS", "\"\"", "Password for HTTP basic authentication.").secret(),
    key(SERVER, "FHIR_TOKEN", "\"\"", "Bearer token; wins over user and password.").secret(),
    key(SERVER, "FHIR_TOKEN_FILE", "\"/run/secrets/fhir-token\"", "File that holds the bearer token; read again when the server answers 401.").unset(),
    key(SERVER, "FHIR_TOKEN_REFRESH_URL", "\"\"", "Where a new token is fetched by GET with basic authentication, at the start and when the server answers 401; the body's text is the token.").unset(),
    key(SERVER, "FHIR_TOKEN_REFRESH_USER", "\"\"", "User for FHIR_TOKEN_REFRESH_URL.").unset(),
    key(SERVER, "FHIR_TOKEN_REFRESH_PASSWORD", "\"\"", "Password for FHIR_TOKEN_REFRESH_URL.").unset().secret(),
    key(SERVER, "FHIR_OAUTH_TOKEN_URL", "\"https://login.example.org/token\"", "Token endpoint of an OAuth 2.0 server (client credentials, RFC 6749 4.4); its token wins over all others.").unset(),
    key(SERVER, "FHIR_OAUTH_CLIENT_ID", "\"\"", "Client id there.").unset(),
    key(SERVER, "FHIR_OAUTH_CLIENT_SECRET", "\"\"", "Client secret there; not with FHIR_SMART_KEY_FILE.").unset().secret(),
    key(SERVER, "FHIR_OAUTH_SCOPE", "\"system/*.read\"", "Scope to ask for; the endpoint's default where not set.").unset(),
    key(SERVER, "FHIR_OAUTH_SECRET_IN_FORM", "false", "Send the client secret in the form instead of the header, for endpoints that want it there.").unset(),
    key(SERVER, "FHIR_SMART_KEY_FILE", "\"./client-key.pem\"", "Private key (PEM: RSA, or P-384 as PKCS #8) of SMART Backend Services, instead of a client secret.").unset(),
    key(SERVER, "FHIR_SMART_KEY_ID", "\"\"", "Id of this key in the registered key set.").unset(),
    key(SERVER, "FHIR_CA_FILE", "\"./ca.pem\"", "Certificates (PEM) of authorities that are trusted beside those of the system. Certificates are always checked.").unset(),
    key(SERVER, "FHIR_CLIENT_CERT_FILE", "\"./client.pem\"", "Client certificate with its chain (PEM), where the server wants one (mTLS).").unset(),
    key(SERVER, "FHIR_CLIENT_KEY_FILE", "\"./client-key.pem\"", "Its private key (PEM).").unset(),
    key(SERVER, "FHIR_PROXY_URL", "\"http://proxy:3128\"", "Proxy for all requests to the server; what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say where not set.").unset().secret(),
    key(SERVER, "FHIR_SERVER_ALIASES", "[\"http://inner-host:8080/fhir\"]", "Other base URLs by which the server calls itself, in links and references. Links there are asked at FHIR_SERVER_ENDPOINT.").unset(),
    key(SERVER, "FHIR_ALLOWED_LINK_ORIGINS", "[\"https://files.example.org\"]", "Other origins (scheme, host, port) to which links of the server may lead; no credentials are sent there.").unset(),
    key(SERVER, "FHIR_EXPORT", "\"Patient\"", "Load what belongs to patients by a bulk export ($export) instead of searches: Patient for all patients of the server, Group/ID for those of a Group; what patients asked for do not need is left out. A first load asks for everything, later ones for what has changed since; what belongs to new patients, referenced resources, types with a filter and the wards are searched as ever. Where the server has no export, it is searched and that is said.").unset(),
    key(SERVER, "FHIR_TOTAL_IS_RIGHT", "true", "Whether fewer resources than Bundle.total announced mean that some are missing; false for a server known to count duplicates or to estimate.").unset(),
    key(SERVER, "FHIR_KEEP_UNASKED", "false", "Store what the server sends of patients and ids that were not asked for. A server that ignores a parameter sends everybody's.").unset(),
    key(SERVER, "FHIR_SEARCH_CURL_TIMEOUT", "1800", "Seconds that one request may take, and that a response may stand still."),
    key(SERVER, "FHIR_FORMAT", "\"json\"", "Format asked of the server: json or xml. Whatever it answers is read.").unset(),
    key(SERVER, "FHIR_SEARCH_PIDS_BY_SUBJECT", "false", "Search resources of a patient by subject= instead of patient=."),
    key(SERVER, "MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS", "2083", "Longest URL of a GET request in characters, where a server refuses POST."),
    key(SERVER, "MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS_RESERVE", "300", "Characters of that kept free for further parameters."),
    key(SERVER, "MAX_ENCOUNTER_BUNDLES", "inf", "Most pages of the search for wards; inf for all. A search cut short by this is reported as such."),
    key(SERVER, "COUNT_PER_BUNDLE", "100", "Resources a page (_count); the server's own choice where not set.").unset(),
    key(SERVER, "SORT", "\"\"", "Sort order (_sort) that some servers demand; sent with GET requests."),
    key(SERVER, "IDS_AT_ONCE", "100", "Ids in one request."),
    key(SERVER, "MAX_CORES", "0", "Requests and worker threads at a time; 0 for all cores."),
    key(SERVER, "MAX_MEMORY_MIB", "1024", "Mebibytes of memory that a run keeps below, whatever the server sends: a page may have an eighth of it, unpacked; a search with a larger one is incomplete.").unset(),
    key(SERVER, "MIN_FREE_MIB", "256", "Mebibytes that stay free on the disk of the run's directory; a run ends before it takes them, and goes on there when there is room.").unset(),
    key(SERVER, "MIN_BIRTHDAY", "\"1910-01-01\"", "").without_effect("the original never reads it either"),
    key(SERVER, "DEFAULT_EMPTY_BIRTHDAY_PATTERN", "\"\"", "").without_effect("the original never reads it either"),
    key(SERVER, "FORCE_DOWNLOAD_AND_CRACK_PARALLEL", "false", "").without_effect("download and crack always run in parallel"),
    key(SERVER, "NEXT_LINK_ENCODE", "false", "").without_effect("next links are repaired where they need it"),
    key(SEARCH, "FHIR_SEARCH_ENCOUNTER_STATUS", "\"in-progress\"", "Status of the encounters that define the wards, separated by commas; empty for any."),
    key(SEARCH, "FHIR_SEARCH_ENCOUNTER_CLASS", "\"IMP,SS\"", "Class of these encounters, separated by commas, and of the running cases followed in the hub; any where not set."),
    key(SEARCH, "FHIR_SEARCH_ENCOUNTER_LOCATION_IDS", "[\"location-1\", \"location-2\"]", "Ids of the locations these encounters refer to; a list or separated by commas.").unset(),
    key(SEARCH, "FHIR_SEARCH_ENCOUNTER_ADDITIONAL_PARAMETERS", "\"&_tag=ward\"", "Further search parameters of this request as they stand in a URL, each beginning with &; percent-encoded or not, they reach the server once encoded. With &date= in it, its dates replace the default one.").unset(),
    key(SEARCH, "COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM", "\"\"", "Identifier system that the three encounter levels of one case share; empty if there is none.").unset(),
    key(SEARCH, "FHIR_SEARCH_WINDOW_DAYS_*", "365", "Only resources of this type whose clinical date lies in the last so many days (FHIR_SEARCH_WINDOW_DAYS_OBSERVATION); everything ever recorded where not set. A changed filter loads the patients anew.").unset(),
    key(SEARCH, "FHIR_SEARCH_CATEGORY_*", "[\"laboratory\"]", "Only these categories of a resource type (FHIR_SEARCH_CATEGORY_OBSERVATION), as code or system|code.").unset(),
    key(SEARCH, "FHIR_SEARCH_CODE_*", "[\"http://loinc.org|2160-0\"]", "Only these codes of a resource type (FHIR_SEARCH_CODE_OBSERVATION), as code or system|code.").unset(),
    key(SEARCH, "FHIR_SEARCH_DELETIONS", "\"off\"", "How resources that are gone from the server are found: off, ids (the ids known of each patient are searched, and those missing read), history (DELETE in the types' _history) or export (the deleted files of a bulk export). They are marked in the hub and never removed.").unset(),
    key(SEARCH, "FHIR_SEARCH_ENCOUNTER_REQUEST_TEST", "false", "Show the first request and stop, without an error.").unset(),
    key(WARDS, "ENCOUNTER_FILTER_PATTERN*", "[\"ward_name = 'Station 1'\", \"location/location/reference = 'Location/location-1'\"]", "One key a ward: its name, and conditions of which one must hold. A condition is path = 'regular expression', several joined by + must all hold; case does not matter and the expression may match anywhere. path != '…' negates; location/location/reference -> name = '…' looks at the location's own name."),
    key(WARDS, "PATH_TO_PID_LIST_FILE", "\"./source_PIDs.txt\"", "Text file with the patients of each ward. Where it is set the filter patterns are switched off.").unset(),
    key(WARDS, "EMPTY_WARDS", "\"stop\"", "What happens when nobody is found on any ward although the hub's ward list has patients: stop ends the run once, before anything is stored, and the next run goes on; go_on empties the case list at once.").unset(),
    key(WARDS, "STAYS_BETWEEN_RUNS", "false", "Whether patients who came to a ward and left it between the last run and this one are listed too, once; without it only those who are there, as the original does it.").unset(),
    key(WARDS, "PATH_TO_DATAPROCESSOR_CONFIG_TOML", "\"./dataprocessor_config.toml\"", "File with the PHASES_WARD keys: encounters that started before phase_a_start of their ward are not listed. Where not set, dataprocessor_config.toml beside this file or in ../R-dataprocessor counts; an empty text switches this off.").unset(),
    key(WARDS, "PHASES_WARD*", "[\"ward_name = 'Station 1'\", \"phase_a_start = '2026-01-11 10:00:00'\"]", "The same keys in this file.").unset(),
    key(WARDS, "WARDS_PHASE_B_TEST", "[]", "").without_effect("read by dataprocessor"),
    key(WARDS, "MIN_PATIENT_AGE", "0", "Only patients older than so many years at the start of their first encounter; 0 for all. Patients already in the hub are kept.").unset(),
    key(IMPORT, "DATA_IMPORT_RANGE_START", "\"2024-01-01 00:00:00\"", "Start of the range that cds2db backfill loads.").unset(),
    key(IMPORT, "DATA_IMPORT_RANGE_END", "\"2024-02-01 00:00:00\"", "End of that range; now where not set.").unset(),
    key(IMPORT, "DATA_IMPORT_FHIR_PIDS", "[]", "Patients that cds2db backfill loads, by FHIR id.").unset(),
    key(IMPORT, "DATA_IMPORT_FHIR_ENC_IDS", "[]", "Encounters whose patients cds2db backfill loads, by FHIR id.").unset(),
    key(IMPORT, "DATA_IMPORT_IDENTIFIERS", "[]", "Identifiers of encounters whose patients cds2db backfill loads.").unset(),
    key(IMPORT, "DATA_IMPORT_RESOURCE_TYPES", "[\"Observation\"]", "Only these resource types are loaded by cds2db backfill, without moving the watermarks of the daily run; Encounter cannot be among them.").unset(),
    key(IMPORT, "DATA_IMPORT_PATH_TO_*", "\"./ids.txt\"", "The same lists from a text file, one id a line: DATA_IMPORT_PATH_TO_FHIR_PIDS, …_FHIR_ENC_IDS, …_IDENTIFIERS.").unset(),
    key(CHAIN, "RECOVER_INCOMPLETE_TOOLCHAIN_RUNS", "true", "Whether cases that an interrupted chain left without a row of the frontend are made good before the next one.").unset(),
    key(CHAIN, "CHAIN_CDS2DB", "[\"Rscript\", \"R-cds2db/StartRetrieval.R\"]", "Program and arguments of this step of cds2db chain; this program where not set.").unset(),
    key(CHAIN, "CHAIN_FRONTEND2DB", "[\"Rscript\", \"R-db2frontend/Start1_Frontend2DB.R\"]", "The same for the step from the frontend into the hub; db2frontend import where not set, left out where the list is empty.").unset(),
    key(CHAIN, "CHAIN_DATAPROCESSOR", "[\"Rscript\", \"R-dataprocessor/StartDataProcessor.R\"]", "The same for the dataprocessor.").unset(),
    key(CHAIN, "CHAIN_DB2FRONTEND", "[\"Rscript\", \"R-db2frontend/Start2_DB2Frontend.R\"]", "The same for the step from the hub to the frontend; db2frontend export where not set.").unset(),
    key(DATABASE, "PATH_TO_DB_CONFIG_TOML", "\"./cds_hub_db_config.toml\"", "File with the settings of the database."),
    key(DATABASE, "DB_HOST", "\"localhost\"", "Host of the hub.").unset(),
    key(DATABASE, "DB_PORT", "5432", "Its port.").unset(),
    key(DATABASE, "DB_NAME", "\"cds_hub_db\"", "Its database.").unset(),
    key(DATABASE, "DB_CDS2DB_USER", "\"cds2db_user\"", "User of this program.").unset(),
    key(DATABASE, "DB_CDS2DB_PASSWORD", "\"\"", "Its password.").unset().secret(),
    key(DATABASE, "DB_SSL_MODE", "\"verify-full\"", "Encryption of the connection to the hub: disable, prefer, require, verify-ca or verify-full. Where not set: verify-full with DB_SSL_CA_FILE, else prefer.").unset(),
    key(DATABASE, "DB_SSL_CA_FILE", "\"./hub-ca.pem\"", "Certificate (PEM) of the authority that signed the hub's.").unset(),
    key(DATABASE, "LOAD_CONNECTIONS", "2", "Connections that load rows side by side; 1: everything in one transaction. Rows are seen at one moment either way. Where not set, a first load, a backfill and whatever else brings many rows has as many as the hub's server has cores, at most 8, or one where it does not tell.").unset(),
    key(DATABASE, "DB_CDS2DB_SCHEMA*", "\"cds2db_in\"", "").without_effect("the hub's schema names are fixed"),
    key(DATABASE, "DB_DATAPROCESSOR_*", "\"\"", "").without_effect("read by dataprocessor"),
    key(DATABASE, "DB_DB2FRONTEND_*", "\"\"", "").without_effect("read by the frontend's module"),
    key(DATABASE, "DB_ADMIN_*", "\"\"", "").without_effect("administration is done by cds-hub"),
    key(DATABASE, "DB_RUN_CRON_JOB_IMMEDIATELY", "false", "").without_effect("rows are always transferred at once"),
    key(DEBUG, "DEBUG_PATH_TO_CONFIG_TOML", "\"./debug.toml\"", "A second file laid over this one.").unset(),
    key(DEBUG, "DEBUG_ENCOUNTER_STARTS_AFTER", "\"2020-06-30 21:25:00\"", "Encounters that started after this moment, instead of before now.").unset(),
    key(DEBUG, "DEBUG_ENCOUNTER_STARTS_AT_OR_BEFORE", "\"2020-08-30 21:25:00\"", "And at or before this one, which is also taken as now.").unset(),
    key(DEBUG, "DEBUG_ENCOUNTER_ACCEPTED_PIDS", "[]", "Only encounters of these patients.").unset(),
    key(DEBUG, "DEBUG_ADD_FHIR_SEARCH_*", "\"_lastUpdated=gt2024\"", "Parameters added to the requests of one resource (DEBUG_ADD_FHIR_SEARCH_OBSERVATION) or of all (…_GENERAL); an empty text skips the resource.").unset(),
    key(DEBUG, "DEBUG_IGNORE_LAST_UPDATE_DATE", "false", "Load everything again.").unset(),
    key(DEBUG, "DEBUG_SKIP_MELTING_RESOURCES", "[]", "Resources that stay raw.").unset(),
    key(DEBUG, "DEBUG_FILTER_PIDS_PATTERN", "\"UKB\"", "Only patients whose id matches this regular expression.").unset(),
    key(DEBUG, "DEBUG_FILTER_*", "\"1-10\"", "").without_effect("rows are not filtered by number; use DEBUG_ADD_FHIR_SEARCH_* or DEBUG_FILTER_PIDS_PATTERN"),
    key(DEBUG, "DEBUG_RESOURCE_COUNT_OBSERVATION_RAW", "100", "").without_effect("rows are not multiplied; cds2db demo --patients N makes as many as wanted"),
    key(DEBUG, "DEBUG_RECALCULATE_INVALID_REFS", "false", "").without_effect("references that say invalid are worked out again whenever an encounter of the patient changes"),
    key(DEBUG, "DEBUG_RECALULATE_REFS_FOR_RESOURCES", "[]", "").without_effect("references that say invalid are worked out again whenever an encounter of the patient changes"),
    key(DEBUG, "DEBUG_PATH_TO_RAW_RDATA_FILES", "\"\"", "").without_effect("R's files are not read; cds2db demo --input DIR serves FHIR files"),
    key(DEBUG, "DEBUG_CHANGE_RAW_DATA_SCRIPT_NAME", "\"\"", "").without_effect("R scripts are not run"),
    key(DEBUG, "DEBUG_DB_PORT", "15432", "Port of the database instead of DB_PORT.").unset(),
];
