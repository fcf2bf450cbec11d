//! Expressions as trees, written as text for the views: the oracle needs no parser that could share the views' faults.

use Expression as E;

/// An expression, written by [`Expression::text`].
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    This,
    RowIndex,
    Text(String),
    Number(i64),
    Boolean(bool),
    Child(Box<Self>, &'static str),
    /// Base, element, type.
    Typed(Box<Self>, &'static str, &'static str),
    Where(Box<Self>, Box<Self>),
    Exists(Box<Self>),
    Empty(Box<Self>),
    First(Box<Self>),
    Index(Box<Self>, usize),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Equal(Box<Self>, Box<Self>),
    Unequal(Box<Self>, Box<Self>),
    Less(Box<Self>, Box<Self>),
    AtLeast(Box<Self>, Box<Self>),
    Plus(Box<Self>, Box<Self>),
    Times(Box<Self>, Box<Self>),
    Join(Box<Self>, &'static str),
    Extension(Box<Self>, &'static str),
    ResourceKey,
    ReferenceKey(Box<Self>, Option<&'static str>),
}

impl Expression {
    /// The expression in FHIRPath.
    pub(crate) fn text(&self) -> String {
        let of = |of: &E, call: String| match of {
            E::This => call,
            _ => format!("{}.{call}", of.text()),
        };
        let two = |a: &E, operator: &str, b: &E| format!("({} {operator} {})", a.text(), b.text());
        match self {
            E::This => "$this".to_owned(),
            E::RowIndex => "%rowIndex".to_owned(),
            E::Text(text) => format!("'{text}'"),
            E::Number(number) => number.to_string(),
            E::Boolean(is) => is.to_string(),
            E::Child(base, name) => of(base, (*name).to_owned()),
            E::Typed(base, name, t) => of(base, format!("{name}.ofType({t})")),
            E::Where(base, criteria) => of(base, format!("where({})", criteria.text())),
            E::Exists(base) => of(base, "exists()".to_owned()),
            E::Empty(base) => of(base, "empty()".to_owned()),
            E::First(base) => of(base, "first()".to_owned()),
            E::Index(base, n) => format!("{}[{n}]", base.text()),
            E::Not(base) => of(base, "not()".to_owned()),
            E::And(a, b) => two(a, "and", b),
            E::Or(a, b) => two(a, "or", b),
            E::Equal(a, b) => two(a, "=", b),
            E::Unequal(a, b) => two(a, "!=", b),
            E::Less(a, b) => two(a, "<", b),
            E::AtLeast(a, b) => two(a, ">=", b),
            E::Plus(a, b) => two(a, "+", b),
            E::Times(a, b) => two(a, "*", b),
            E::Join(base, separator) => of(base, format!("join('{separator}')")),
            E::Extension(base, url) => of(base, format!("extension('{url}')")),
            E::ResourceKey => "getResourceKey()".to_owned(),
            E::ReferenceKey(base, None) => of(base, "getReferenceKey()".to_owned()),
            E::ReferenceKey(base, Some(t)) => of(base, format!("getReferenceKey({t})")),
        }
    }
}
