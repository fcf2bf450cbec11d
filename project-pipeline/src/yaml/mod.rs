//! YAML as a tree whose every node knows where it stands, so that a fault can name line and column.
//!
//! Scalars are typed by the rules of YAML 1.2 with the number forms of 1.1 that Python's loaders keep (`1_000`, `010` is ten);
//! `yes` and `off` stay texts. Duplicate keys and unknown anchors are faults.

mod date;
mod flow_key;
mod node;
mod read;
mod scalar;
mod tabs;
mod tag;

pub use node::{Node, Value};
pub(crate) use read::read;
