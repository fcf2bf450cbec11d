//! A project file: its actions, and everything that is wrong with it.

mod action;
mod extraction;
mod output_path;
mod read;
mod relations;
mod run_line;
mod top;
mod types;

pub(crate) use output_path::{is_moderate, suffix};
pub use read::{Checked, check};
pub use types::{Action, Level, Output, Project};
