use crate::Error;

/// Why a query could not be run. Nothing of the data stands in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The Library is not one that can be run.
    #[error("the library {library} cannot be run: {reason}")]
    Library {
        /// Its name, id or url.
        library: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What the library depends on is not at hand.
    #[error("the library {library} depends on {canonical} as {label}, which is not at hand")]
    Missing {
        /// Name of the library.
        library: String,
        /// Name of the table.
        label: String,
        /// What is wanted.
        canonical: String,
    },
    /// A parameter is missing, not known or not of its type.
    #[error("the parameter {name} {reason}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong with it; never its value.
        reason: String,
    },
    /// A view could not be run.
    #[error("a view of the query could not be run")]
    View(#[source] Box<Error>),
    /// The SQL is refused.
    #[error("the SQL of {library} is refused: {reason}")]
    Sql {
        /// Name of the library.
        library: String,
        /// What is wrong with it, without values of rows.
        reason: String,
    },
    /// The query began and could not be ended. What the engine says may hold values and is left out.
    #[error("the query {library} could not be ended: {reason}")]
    Failed {
        /// Name of the library.
        library: String,
        /// The kind of the fault.
        reason: &'static str,
    },
    /// A table or the result could not be written.
    #[error("a file of the query could not be written")]
    Write(#[source] std::io::Error),
}
