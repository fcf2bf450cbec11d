/// A part of an expression and where it begins, in characters counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ast {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `$this`, also what an expression that begins with a name or function starts from.
    This,
    Boolean(bool),
    String(String),
    /// A number as written.
    Number(String),
    /// A date, date-time or time as written, without `@` and, of a time, without `T`.
    Temporal(Temporal, String),
    /// `{}`
    Empty,
    /// `%name`
    Constant(String),
    Child(Box<Ast>, String),
    Call(Box<Ast>, Function, Vec<Ast>),
    /// A type, which is an argument of some functions.
    Type(String),
    Index(Box<Ast>, Box<Ast>),
    Negative(Box<Ast>),
    Binary(Box<Ast>, Operator, Box<Ast>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temporal {
    Date,
    DateTime,
    Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Where,
    Exists,
    Empty,
    First,
    Not,
    OfType,
    Extension,
    Join,
    GetResourceKey,
    GetReferenceKey,
    LowBoundary,
    HighBoundary,
}

impl Function {
    /// All, with their names and how many arguments they take.
    const ALL: [(&'static str, Self, usize, usize); 12] = [
        ("where", Self::Where, 1, 1),
        ("exists", Self::Exists, 0, 1),
        ("empty", Self::Empty, 0, 0),
        ("first", Self::First, 0, 0),
        ("not", Self::Not, 0, 0),
        ("ofType", Self::OfType, 1, 1),
        ("extension", Self::Extension, 1, 1),
        ("join", Self::Join, 0, 1),
        ("getResourceKey", Self::GetResourceKey, 0, 0),
        ("getReferenceKey", Self::GetReferenceKey, 0, 1),
        ("lowBoundary", Self::LowBoundary, 0, 1),
        ("highBoundary", Self::HighBoundary, 0, 1),
    ];

    /// The function of this name and the least and most arguments it takes.
    pub(crate) fn named(name: &str) -> Option<(Self, usize, usize)> {
        let found = Self::ALL.iter().find(|(known, ..)| *known == name)?;
        Some((found.1, found.2, found.3))
    }

    /// All names, for the message that refuses another.
    pub(crate) fn names() -> String {
        let names: Vec<&str> = Self::ALL.iter().map(|(name, ..)| *name).collect();
        names.join(", ")
    }

    /// Whether the argument is a type.
    pub(crate) fn takes_type(self) -> bool {
        matches!(self, Self::OfType | Self::GetReferenceKey)
    }
}
