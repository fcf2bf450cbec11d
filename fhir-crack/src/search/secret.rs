use std::fmt;
use std::path::Path;

use crate::search::error::{Error, ErrorKind};

/// A password, token or key: it can be sent, but not printed.
///
/// `Debug` shows a fixed word and there is no `Display`, so a secret cannot reach a log by way of a struct that
/// holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text as it is, with blanks and line ends.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// Reads the environment variable of that name.
    ///
    /// # Errors
    /// The variable is not set or not UTF-8; the error names the variable, never its value.
    pub fn from_env(name: &str) -> Result<Secret, Error> {
        match std::env::var(name) {
            Ok(text) => Ok(Secret(text)),
            Err(_) => Err(Error::configuration(format!(
                "environment variable {name} is not set or not UTF-8"
            ))),
        }
    }

    /// Reads a file and drops line ends and blanks at both ends, since editors add them.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    pub fn from_file(path: &Path) -> Result<Secret, Error> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret(text.trim().to_owned())),
            Err(error) => Err(Error::new(ErrorKind::Secret).with_source(error)),
        }
    }

    /// Whether nothing is in it; an empty configuration value means "not given".
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_hides_the_text() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }

    #[test]
    fn file_is_trimmed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("token");
        std::fs::write(&path, "abc\n").expect("write");
        assert_eq!(Secret::from_file(&path).expect("read").expose(), "abc");
        assert!(Secret::from_file(&dir.path().join("none")).is_err());
    }
}
