//! Settings as text.

/// The keys every configuration must have, with the values of the shipped example.
pub(crate) const MANDATORY: &str = r#"
PHASES_WARD_1 = ["ward_name = 'S1'", "phase_a_start = '2026-01-11 10:00:00'", "phase_b_start = '2026-02-21 10:00'"]
PHASES_WARD_2 = ["ward_name = 'S2'", "phase_a_start = '2026-01-11'"]
COMMON_ENCOUNTER_FHIR_IDENTIFIER_SYSTEM = ""
FRONTEND_DISPLAYED_ENCOUNTER_CLASS = ["IMP"]
FRONTEND_DISPLAYED_ROOM_AND_BED_COLUMN = "enc_location_identifier_value"
OBSERVATION_BODY_WEIGHT_SYSTEM = "http://loinc.org"
OBSERVATION_BODY_WEIGHT_CODES = "3142-7 29463-7"
OBSERVATION_BODY_HEIGHT_SYSTEM = "http://loinc.org"
OBSERVATION_BODY_HEIGHT_CODES = "8302-2"
OBSERVATION_BMI_SYSTEM = "http://loinc.org"
OBSERVATION_BMI_CODES = "39156-5"
INPUT_REPO_PATH = ["./Input-Repo"]
PATH_TO_DB_CONFIG_TOML = "./cds_hub_db_config.toml"
"#;
