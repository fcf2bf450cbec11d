//! The part of XPath 1.0 that paths of columns use: child steps, `*`, descendants, and predicates in brackets.

mod eval;
mod parse;
mod value;

/// A path from a resource to the elements of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct XPath {
    pub(crate) steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) axis: Axis,
    pub(crate) test: Test,
    pub(crate) predicates: Vec<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    Child,
    Descendant,
    /// What `//` stands for, before a child step.
    DescendantOrSelf,
    Own,
    /// Only inside predicates: a column takes the attributes of its elements anyway.
    Attribute,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Any,
    Name(Box<str>),
}

/// What stands in a predicate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Path(XPath),
    Text(Box<str>),
    Number(f64),
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Last,
    Position,
    Count,
    Not,
    True,
    False,
    Contains,
    StartsWith,
    StringLength,
    NormalizeSpace,
    Name,
}

impl Function {
    /// The function of this name, and the least and most arguments it takes.
    pub(crate) fn named(name: &str) -> Option<(Self, usize, usize)> {
        Some(match name {
            "last" => (Self::Last, 0, 0),
            "position" => (Self::Position, 0, 0),
            "count" => (Self::Count, 1, 1),
            "not" => (Self::Not, 1, 1),
            "true" => (Self::True, 0, 0),
            "false" => (Self::False, 0, 0),
            "contains" => (Self::Contains, 2, 2),
            "starts-with" => (Self::StartsWith, 2, 2),
            "string-length" => (Self::StringLength, 1, 1),
            "normalize-space" => (Self::NormalizeSpace, 1, 1),
            "name" | "local-name" => (Self::Name, 0, 0),
            _ => return None,
        })
    }
}
