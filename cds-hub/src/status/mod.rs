//! One screen about a hub.

mod figures;
mod postgres;
mod read;
mod screen;

pub use figures::Figures;
pub use postgres::{Postgres, Setting};

/// What an operator wants to know at a glance. `Display` makes one screen of it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// The semaphore's text as `db.data_transfer_status()` gives it.
    pub semaphore: String,
    /// Inboxes that hold rows, with how many; the fullest first.
    pub inboxes: Vec<(String, i64)>,
    /// Raw tables with rows that wait for typing.
    pub untyped: Vec<(String, i64)>,
    /// The newest imports, newest first.
    pub imports: Vec<ImportLine>,
    /// Rows the core refused.
    pub quarantine: Quarantine,
    /// The newest errors: when, and the text as the server gave it without values.
    pub errors: Vec<(String, String)>,
    /// The largest tables, largest first.
    pub tables: Vec<TableLine>,
    /// Tables that were read from one end to the other most, by rows read.
    pub slow: Vec<SlowLine>,
    /// Size of the whole database in bytes.
    pub bytes: i64,
}

/// One import in a few words.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ImportLine {
    /// Processing number; `None` while it runs.
    pub number: Option<i32>,
    /// Who made it.
    pub module: String,
    /// What part of the hub it filled, or which function did.
    pub part: String,
    /// Its time, wall time of the hub's zone.
    pub checked: String,
    /// How long it took.
    pub seconds: f64,
    /// New rows.
    pub new: i64,
    /// Rows seen again.
    pub seen: i64,
}

/// Refused rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quarantine {
    /// How many there are.
    pub rows: i64,
    /// How many of them are due for another attempt.
    pub due: i64,
}

/// One table of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableLine {
    /// Contract name.
    pub name: String,
    /// Rows, as the server estimates them.
    pub rows: i64,
    /// Bytes of rows, companion and indexes.
    pub bytes: i64,
}

/// A table that is often read as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowLine {
    /// Name within schema `core`.
    pub name: String,
    /// How often it was read from one end to the other.
    pub scans: i64,
    /// How many rows that read.
    pub rows: i64,
    /// Rows that are dead and wait for a vacuum.
    pub dead: i64,
}
