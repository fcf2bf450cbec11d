//! Text of a cell to a typed value.

mod value;

pub use value::{Precision, Value};
