use std::error::Error;
use std::fmt;

/// Why a page of metrics cannot be read: the line, counted from 1, and what is wrong there. Never what the line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) line: usize,
    pub(crate) what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the metrics: {}", self.line, self.what)
    }
}

impl Error for Fault {}
