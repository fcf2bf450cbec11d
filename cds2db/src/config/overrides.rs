//! Keys given on the command line and in the environment.

use std::path::Path;

use site_config::FlatToml;

use super::Faults;

/// Keys given on the command line (`--set KEY=VALUE`) or in the environment (`CDS2DB_KEY`).
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    lines: Vec<String>,
    secrets: Vec<&'static str>,
}

/// What an environment variable's name begins with.
const ENVIRONMENT_PREFIX: &str = "CDS2DB_";

impl Overrides {
    /// The variables of the environment, then the command line, which wins.
    #[must_use]
    pub fn new(environment: impl IntoIterator<Item = (String, String)>, sets: &[String]) -> Self {
        let mut variables: Vec<_> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(ENVIRONMENT_PREFIX)?.to_owned(), value)))
            .filter(|(name, _)| {
                super::KEYS
                    .iter()
                    .any(|k| k.name.trim_end_matches('*') == name || is_member(name, k.name))
            })
            .collect();
        variables.sort();
        let mut lines: Vec<String> = variables
            .iter()
            .map(|(name, value)| assignment(name, value))
            .collect();
        let mut secrets = Vec::new();
        for set in sets {
            let (name, value) = set.split_once('=').unwrap_or((set, ""));
            let name = name.trim();
            lines.push(assignment(name, value.trim()));
            secrets.extend(
                super::KEYS
                    .iter()
                    .filter(|k| k.effect == super::Effect::Secret && k.name == name)
                    .map(|k| k.name),
            );
        }
        Self { lines, secrets }
    }

    /// What is worth telling of them: secrets that every user of the machine can see.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.secrets.iter().map(|key| {
            format!("{key} was given on the command line, where every user of this machine can read it; give it as {ENVIRONMENT_PREFIX}{key} or in a file")
        })
    }

    /// Lays the overrides over a configuration.
    ///
    /// # Errors
    /// The overrides that are no `KEY=VALUE`.
    pub fn lay_over(&self, toml: &mut FlatToml) -> Result<(), Faults> {
        let mut faults = Vec::new();
        for line in &self.lines {
            match FlatToml::parse(line, Path::new("--set")) {
                Ok(over) => toml.merge(over),
                Err(fault) => faults.push(fault),
            }
        }
        Faults::of(faults).map_or(Ok(()), Err)
    }
}

fn is_member(name: &str, family: &str) -> bool {
    family
        .strip_suffix('*')
        .is_some_and(|prefix| name.starts_with(prefix))
}

/// A line of TOML: the value as it stands if it is a TOML literal of the key's kind, else as a text. A password of digits
/// alone is a text too.
fn assignment(name: &str, value: &str) -> String {
    let literal = format!("{name} = {value}");
    let is_text = |k: &super::Key| (k.name == name || is_member(name, k.name)) && k.literal.starts_with('"');
    let is_quoted = value.starts_with(['"', '\'', '[']);
    let stays = is_quoted || !super::KEYS.iter().any(is_text);
    if stays && FlatToml::parse(&literal, Path::new("--set")).is_ok() {
        return literal;
    }
    let quoted: String = value
        .chars()
        .flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            '\n' => vec!['\\', 'n'],
            '\t' => vec!['\\', 't'],
            c if c.is_control() => vec![],
            c => vec![c],
        })
        .collect();
    format!("{name} = \"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_wins_over_environment_over_file() {
        let environment = [
            ("CDS2DB_IDS_AT_ONCE".to_owned(), "7".to_owned()),
            ("CDS2DB_FHIR_TOKEN".to_owned(), "a\"b".to_owned()),
            ("CDS2DB_HOME".to_owned(), "/x".to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
        ];
        let sets = [
            "IDS_AT_ONCE=8".to_owned(),
            "FHIR_SERVER_ENDPOINT = http://h/fhir".to_owned(),
        ];
        let mut toml = FlatToml::parse("IDS_AT_ONCE = 1", Path::new("x")).expect("parses");
        Overrides::new(environment, &sets)
            .lay_over(&mut toml)
            .expect("lays over");
        assert_eq!(
            toml.keys().collect::<Vec<_>>(),
            ["FHIR_SERVER_ENDPOINT", "FHIR_TOKEN", "IDS_AT_ONCE"]
        );
        assert_eq!(toml.text("FHIR_SERVER_ENDPOINT"), Some("http://h/fhir"));
        assert_eq!(toml.text("FHIR_TOKEN"), Some("a\"b"));
        assert_eq!(
            toml.get("IDS_AT_ONCE").map(|e| e.place().to_string()),
            Some("--set:1".to_owned())
        );
    }

    #[test]
    fn a_password_of_digits_is_a_text_and_a_list_stays_one() {
        let environment = [
            ("CDS2DB_DB_CDS2DB_PASSWORD".to_owned(), "12345".to_owned()),
            ("CDS2DB_FHIR_TOKEN".to_owned(), "true".to_owned()),
            ("CDS2DB_DATA_IMPORT_FHIR_PIDS".to_owned(), "[\"p1\"]".to_owned()),
        ];
        let mut toml = FlatToml::default();
        Overrides::new(environment, &[])
            .lay_over(&mut toml)
            .expect("lays over");
        assert_eq!(toml.text("DB_CDS2DB_PASSWORD"), Some("12345"));
        assert_eq!(toml.text("FHIR_TOKEN"), Some("true"));
        assert!(
            toml.get("DATA_IMPORT_FHIR_PIDS")
                .and_then(|e| e.strings())
                .is_some()
        );
    }

    #[test]
    fn a_secret_on_the_command_line_is_told_of_without_it() {
        let overrides = Overrides::new([], &["FHIR_TOKEN=MARKER".to_owned(), "IDS_AT_ONCE=3".to_owned()]);
        let notes: Vec<String> = overrides.notes().collect();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("CDS2DB_FHIR_TOKEN") && !notes[0].contains("MARKER"));
    }

    #[test]
    fn a_set_without_a_key_is_a_fault() {
        let overrides = Overrides::new([], &["= 3".to_owned()]);
        assert!(overrides.lay_over(&mut FlatToml::default()).is_err());
    }
}
