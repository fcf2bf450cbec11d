//! The only place that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module is the program's output")]

use std::error::Error as _;

/// A line of result.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A text that ends its own lines.
pub(crate) fn text(text: &str) {
    print!("{text}");
}

/// A remark for the operator.
pub(crate) fn note(text: &str) {
    eprintln!("note: {text}");
}

/// An error with its causes, one a line.
pub(crate) fn error(error: &cds_hub::Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        eprintln!("  because: {inner}");
        cause = inner.source();
    }
}
