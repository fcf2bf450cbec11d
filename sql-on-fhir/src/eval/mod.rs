//! Runs a program over the outline of one resource at a time.

mod arithmetic;
mod boundary;
mod compare;
mod evaluate;
mod made_text;
mod reference;
mod rows;
pub(crate) mod temporal;
mod value;

pub(crate) use evaluate::Evaluator;
pub(crate) use rows::{Cell, Rows, Sink};
pub(crate) use value::Value;
