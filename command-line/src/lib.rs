#![doc = include_str!("../README.md")]

mod completions;
mod manual;
mod parse;
mod version;

pub use manual::write as write_manual;
pub use parse::parse;
pub use version::{COMMIT, version};
