//! The configuration: which keys are set, and what is wrong with it.

use std::path::Path;

use site_config::FlatToml;

use super::finding::Findings;
use crate::config::{Config, Effect, KEYS, Overrides, Settings};

const SECTION: &str = "configuration";

/// The settings, where they can be used.
pub(super) fn look(found: &mut Findings, file: &Path) -> Option<Settings> {
    if let Ok(toml) = FlatToml::read(file) {
        keys(found, "keys of the file", toml.keys());
    }
    let variables: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("CDS2DB_") || name.starts_with("PG") || name == "DATABASE_URL")
        .collect();
    keys(
        found,
        "variables of the environment",
        variables.iter().map(String::as_str),
    );
    // A variable that is not text is none of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match Config::read(file, &Overrides::new(environment, &[])) {
        Ok(config) => {
            found.fine(SECTION, "faults", "none");
            found.fine(SECTION, "notes", config.notes.len());
            let debug = &config.settings.debug.active;
            if !debug.is_empty() {
                found.look(SECTION, "DEBUG_ keys in use", debug.join(", "));
            }
            Some(config.settings)
        }
        Err(faults) => {
            for fault in faults.iter() {
                let place = match fault.place().line() {
                    0 => "the file".to_owned(),
                    line => format!("line {line}"),
                };
                let key = fault
                    .key()
                    .map_or_else(|| "no key".to_owned(), |key| known(key).to_owned());
                found.fault(SECTION, &place, key);
            }
            None
        }
    }
}

/// The names that are ours; others are counted, since a slip of the hand may put anything in the place of a name.
fn keys<'k>(found: &mut Findings, what: &str, names: impl Iterator<Item = &'k str>) {
    let names: Vec<&str> = names.collect();
    let (ours, others): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| is_ours(name));
    let mut text = match ours.is_empty() {
        true => "none".to_owned(),
        false => ours.join(" "),
    };
    if !others.is_empty() {
        text.push_str(&format!("; {} others", others.len()));
    }
    found.fine(SECTION, what, text);
}

fn known(name: &str) -> &str {
    if is_ours(name) {
        name
    } else {
        "a key that is not known"
    }
}

/// A key as the documentation has it, or a family with a number or a resource type behind it.
fn is_ours(name: &str) -> bool {
    let ours = [
        "DATABASE_URL",
        "CDS2DB_PSEUDONYM_KEY",
        "PGHOST",
        "PGPORT",
        "PGUSER",
        "PGDATABASE",
        "PGPASSWORD",
        "PGPASSFILE",
        "PGSSLMODE",
        "PGSSLROOTCERT",
    ];
    let name = match ours.contains(&name) {
        true => return true,
        false => name.strip_prefix("CDS2DB_").unwrap_or(name),
    };
    KEYS.iter().any(|key| match key.name.strip_suffix('*') {
        None => key.name == name,
        Some(family) => name.strip_prefix(family).is_some_and(|rest| {
            let rest = rest.trim_start_matches('_');
            rest.len() <= 24
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                && (rest.bytes().all(|b| b.is_ascii_digit())
                    || is_word_of_ours(rest)
                    || matches!(key.effect, Effect::None(_)))
        }),
    })
}

/// A resource type in capitals, or the rest of a key's name.
fn is_word_of_ours(word: &str) -> bool {
    const OTHERS: [&str; 5] = ["GENERAL", "FHIR_PIDS", "FHIR_ENC_IDS", "IDENTIFIERS", "SCHEMA"];
    let tables = table_description::default_description().tables;
    let is_type = |word: &str| {
        tables
            .iter()
            .filter_map(|table| table.resource.as_deref())
            .any(|resource| resource.eq_ignore_ascii_case(word))
    };
    OTHERS.contains(&word) || is_type(word)
}
