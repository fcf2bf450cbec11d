//! An error and its causes as a program prints them: the one place where the chain becomes text for an operator.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;

use crate::shown;

/// The error and its causes, a line each, outermost first. Text of others in them cannot begin a line or move the cursor; a
/// list of faults in the outermost keeps its lines, which begin with two blanks.
///
/// ```
/// let error = std::io::Error::other("two faults:\n  a.toml:1: x\n  a.toml:2: y\nComplete");
/// assert_eq!(
///     site_config::told(&error),
///     "error: two faults:\n  a.toml:1: x\n  a.toml:2: y\\u{a}Complete\n"
/// );
/// ```
#[must_use]
pub fn told(error: &dyn Error) -> String {
    let lines: Vec<String> = error
        .to_string()
        .split("\n  ")
        .map(|line| shown(line).into_owned())
        .collect();
    let mut text = format!("error: {}\n", lines.join("\n  "));
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = writeln!(text, "  because: {}", shown(&cause.to_string()));
        source = cause.source();
    }
    text
}

/// Prints what [`told`] says of an error to standard error; where that is closed there is nobody to tell.
pub fn print_error(error: &dyn Error) {
    let _ = std::io::stderr().lock().write_all(told(error).as_bytes());
}
