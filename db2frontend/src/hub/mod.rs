//! What the exchange reads from the hub and writes to it, as the frontend's role.

mod deliver;
mod versions;

pub use deliver::{Copy, Delivered, deliver};
pub use versions::{Before, Version, before, known_records, last_read, versions};

use crate::{Error, ErrorKind};

/// A failure of the server. Its texts may quote rows, so only its code is kept.
pub(crate) fn failed(place: &str, error: &sqlx::Error) -> Error {
    let code = error
        .as_database_error()
        .and_then(|e| e.code().map(|code| code.into_owned()));
    let place = match code {
        Some(code) => format!("{place}: SQLSTATE {code}"),
        None => format!("{place}: the connection failed"),
    };
    Error::new(ErrorKind::Hub, place)
}
