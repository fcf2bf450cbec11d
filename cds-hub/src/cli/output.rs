//! The only place that prints.
#![expect(clippy::print_stderr, reason = "this module is the program's output")]

use std::io::Write as _;

/// A line of result.
pub(crate) fn line(text: &str) {
    written(std::io::stdout().lock().write_all(format!("{text}\n").as_bytes()));
}

/// A result as one line of JSON.
pub(crate) fn json(value: &serde_json::Value) {
    line(&value.to_string());
}

/// A text that ends its own lines.
pub(crate) fn text(text: &str) {
    written(std::io::stdout().lock().write_all(text.as_bytes()));
}

/// Who has read enough closes the pipe: nothing more is to be done then, and nothing is wrong. A full disk is another
/// matter, but what a command did is done.
fn written(done: std::io::Result<()>) {
    match done {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => eprintln!("error: writing to standard output: {e}"),
        Ok(()) => {}
    }
}

/// Data as they are. A reader that has had enough is no error.
pub(crate) fn bytes(data: &[u8]) -> cds_hub::Result<()> {
    match std::io::stdout().lock().write_all(data) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(cds_hub::Error::new(cds_hub::ErrorKind::File, "writing to standard output").with_source(e))
        }
        _ => Ok(()),
    }
}

/// A remark for the operator.
pub(crate) fn note(text: &str) {
    eprintln!("note: {text}");
}

/// An error with its causes, one a line.
pub(crate) fn error(error: &cds_hub::Error) {
    site_config::print_error(error);
}
