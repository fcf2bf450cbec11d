use std::fmt;

/// How far a unit of work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It has begun; a run that finds this goes on with it.
    InProcess,
    /// It is done; a run skips it.
    Completed,
    /// It ended with an error; a run tries it again.
    Failed,
}

impl Status {
    const ALL: [Self; 3] = [Self::InProcess, Self::Completed, Self::Failed];

    /// The word of the state file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProcess => "In Process",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
