//! The subset of FHIRPath that views are written in: text to syntax tree. What is outside is refused with its place.

mod ast;
mod lex;
mod parse;

pub(crate) use ast::{Ast, Function, Kind, Operator, Temporal};
pub(crate) use parse::parse;

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Place in the expression, in characters counted from 0.
    pub(crate) at: usize,
    pub(crate) reason: String,
}

impl Refused {
    pub(crate) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self {
            at,
            reason: reason.into(),
        }
    }
}
