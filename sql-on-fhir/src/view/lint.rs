use std::fmt;

/// A likely mistake in a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// JSON pointer to the place.
    pub pointer: String,
    /// What is unusual there.
    pub message: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}
