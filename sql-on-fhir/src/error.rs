use std::fmt;

/// What is wrong with a view, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer to the place in the view.
    pub pointer: String,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// What is wrong with a view.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Its form.
    Definition {
        /// What was expected.
        expected: String,
    },
    /// An expression.
    Expression {
        /// Place in the expression, in characters counted from 0.
        at: usize,
        /// Why it is refused.
        reason: String,
    },
    /// The columns of the branches of a `unionAll` differ.
    Union {
        /// Columns of the first branch.
        first: Vec<String>,
        /// Columns of this one.
        here: Vec<String>,
    },
    /// A column has the name of another, or a view that of another.
    Duplicate {
        /// The name.
        name: String,
    },
    /// The type of a column is none that a table can have.
    Type {
        /// The type as written.
        name: String,
    },
}

impl Fault {
    pub(crate) fn new(pointer: &str, kind: FaultKind) -> Self {
        Self {
            pointer: pointer.to_owned(),
            kind,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        write!(f, "{place}: ")?;
        match &self.kind {
            FaultKind::Definition { expected } => write!(f, "expected {expected}"),
            FaultKind::Expression { at, reason } => write!(f, "at character {at}: {reason}"),
            FaultKind::Union { first, here } => write!(
                f,
                "the columns of all branches are the same in the same order; the first has {}, this one {}",
                first.join(", "),
                here.join(", ")
            ),
            FaultKind::Duplicate { name } => write!(f, "the name {name} is taken already"),
            FaultKind::Type { name } => write!(f, "{name} is no primitive type of FHIR"),
        }
    }
}

/// Why a view could not be read, compiled or run.
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

/// What went wrong. Nothing of a resource stands in it but its number.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The view itself is wrong.
    View {
        /// Its name, if it has one.
        view: Option<String>,
        /// All that is wrong.
        faults: Vec<Fault>,
    },
    /// A resource does not fit the view.
    Resource {
        /// Name of the view.
        view: String,
        /// JSON pointer to the expression.
        pointer: String,
        /// The resource, counted from 1 among those of its type in the input.
        resource: u64,
        /// What does not fit.
        reason: Misfit,
    },
    /// The input could not be read.
    Input(fhir_crack::Error),
    /// Entries or lines of the input could not be cracked; the rows of all others were written.
    SetAside {
        /// How many.
        parts: u64,
        /// Why the first one could not.
        first: fhir_crack::Error,
    },
    /// An input could not be opened or read.
    Read(std::io::Error),
    /// An output could not be written.
    Write(std::io::Error),
}

/// What of a resource does not fit a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misfit {
    /// More than one value where there is room for one.
    ManyValues,
    /// A value that is neither true nor false where only those make sense.
    NotBoolean,
    /// Values that have no order.
    NotComparable,
    /// More rows than the limit.
    ManyRows,
    /// More work than the limit.
    ManySteps,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ManyValues => "more than one value",
            Self::NotBoolean => "a value that is neither true nor false",
            Self::NotComparable => "values that have no order",
            Self::ManyRows => "more rows than the limit allows",
            Self::ManySteps => "more work than the limit allows",
        })
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }

    pub(crate) fn view(name: Option<&str>, faults: Vec<Fault>) -> Self {
        Self::new(ErrorKind::View {
            view: name.map(str::to_owned),
            faults,
        })
    }

    /// That an input could not be opened or read.
    #[must_use]
    pub fn unreadable(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Read(error))
    }

    /// The same error of a piece of a page that stands behind these bytes and line ends, and behind as many resources as
    /// `resources` says of a view.
    pub(crate) fn behind(self, (bytes, lines): (u64, u64), resources: impl Fn(&str) -> u64) -> Self {
        Self::new(match *self.0 {
            ErrorKind::Input(error) => ErrorKind::Input(error.behind(bytes, lines)),
            ErrorKind::Resource {
                view,
                pointer,
                resource,
                reason,
            } => ErrorKind::Resource {
                resource: resource + resources(&view),
                view,
                pointer,
                reason,
            },
            other => other,
        })
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// The faults of the view, if it is wrong.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match &*self.0 {
            ErrorKind::View { faults, .. } => faults,
            _ => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            ErrorKind::View { view, faults } => {
                match view {
                    Some(view) => write!(f, "the view {view} is wrong")?,
                    None => write!(f, "the view is wrong")?,
                }
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
            ErrorKind::Resource {
                view,
                pointer,
                resource,
                reason,
            } => write!(f, "view {view}, {pointer}: resource {resource} has {reason}"),
            ErrorKind::Input(_) => write!(f, "the input could not be cracked"),
            ErrorKind::SetAside { parts: 1, .. } => write!(f, "one resource could not be cracked"),
            ErrorKind::SetAside { parts, .. } => {
                write!(f, "{parts} resources could not be cracked, the first")
            }
            ErrorKind::Read(_) => write!(f, "the input could not be read"),
            ErrorKind::Write(_) => write!(f, "the output could not be written"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            ErrorKind::Input(error) | ErrorKind::SetAside { first: error, .. } => Some(error),
            ErrorKind::Read(error) | ErrorKind::Write(error) => Some(error),
            _ => None,
        }
    }
}
