//! A configuration to begin with.

/// `dataprocessor_config.toml` with every key, its default and what it means. It is valid as it stands.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Name of the file that [`TEMPLATE`] names for the way to the hub.
pub const DATABASE_FILE: &str = "cds_hub_db_config.toml";

/// The file that says how each module reaches the hub. It is valid as it stands; passwords are left to the environment.
pub const DATABASE_TEMPLATE: &str = include_str!("database_template.toml");

#[cfg(test)]
mod tests {
    use std::path::Path;

    use site_config::{FlatToml, Place};

    use super::*;
    use crate::config::{Config, Database};

    #[test]
    fn the_templates_are_valid_and_say_the_defaults() {
        let file = Path::new("dataprocessor_config.toml");
        let toml = FlatToml::parse(TEMPLATE, file).unwrap();
        let config = Config::from_toml(&toml, file).unwrap();
        let default = Config::default();
        assert_eq!(config.profile, default.profile);
        assert_eq!(config.encounter_classes, default.encounter_classes);
        assert_eq!(config.room_and_bed_column, default.room_and_bed_column);
        assert_eq!((config.weight, config.height), (default.weight, default.height));
        assert_eq!((config.bmi, config.verbose), (default.bmi, default.verbose));
        assert!(
            config.debug_keys.is_empty() && config.unknown_keys.is_empty() && config.idle_keys.is_empty()
        );
        assert_eq!(
            toml.text("PATH_TO_DB_CONFIG_TOML"),
            Some("./cds_hub_db_config.toml")
        );
        let database = FlatToml::parse(DATABASE_TEMPLATE, Path::new(DATABASE_FILE)).unwrap();
        for module in ["CDS2DB", "DATAPROCESSOR", "DB2FRONTEND"] {
            let place = Place::new(Path::new(DATABASE_FILE), 0);
            assert!(Database::from_toml(&database, place, module).is_ok(), "{module}");
        }
    }

    #[test]
    fn every_key_shown_in_a_comment_may_be_used() {
        let file = Path::new("dataprocessor_config.toml");
        let all: String = TEMPLATE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let config = Config::from_toml(&FlatToml::parse(&all, file).unwrap(), file).unwrap();
        assert!(config.unknown_keys.is_empty(), "{:?}", config.unknown_keys);
        assert_eq!(config.phases.wards().len(), 1);
    }
}
