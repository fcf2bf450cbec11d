//! What is wrong with a configuration file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::shown;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    file: PathBuf,
    line: usize,
}

impl Place {
    /// Line `line` of `file`, counted from 1; 0 means the file as a whole.
    #[must_use]
    pub fn new(file: &Path, line: usize) -> Self {
        Self {
            file: file.to_owned(),
            line,
        }
    }

    /// The file as it was named by the user.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line, counted from 1; 0 means the file as a whole.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// Something in a configuration that cannot be meant: where it stands, which key, and what to do about it.
///
/// Never quotes the value of a key: it may be a password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    place: Place,
    key: Option<String>,
    text: String,
}

impl Fault {
    /// A fault of a place without a key.
    #[must_use]
    pub fn at(place: Place, text: impl Into<String>) -> Self {
        Self {
            place,
            key: None,
            text: text.into(),
        }
    }

    /// A fault of a key.
    #[must_use]
    pub fn of_key(place: Place, key: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            place,
            key: Some(key.into()),
            text: text.into(),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The key concerned.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, text) = (self.place.to_string(), shown(&self.text));
        match &self.key {
            Some(key) => write!(f, "{}: {}: {text}", shown(&place), shown(key)),
            None => write!(f, "{}: {text}", shown(&place)),
        }
    }
}

/// A fault stops whoever needs the file.
impl std::error::Error for Fault {}
