//! Runs a program over the outline of one resource at a time.

mod boundary;
mod compare;
mod evaluate;
mod reference;
mod rows;
pub(crate) mod temporal;
mod value;

pub(crate) use evaluate::Evaluator;
pub(crate) use rows::{Cell, Rows, Sink};
pub(crate) use value::Value;
