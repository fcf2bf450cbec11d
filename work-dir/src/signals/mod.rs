//! Signals: one measured or recorded thing each, with the patient, a time or two, a value and its unit, drawn from typed rows.
//!
//! What a signal is stands in a text file, `signals.toml`: table, codes, elements of time and value, target unit.

mod catalogue;
mod collect;
mod draw;
mod loader;
mod of_run;
mod text;
mod write;

pub use catalogue::{Catalogue, DEFAULT_SIGNALS, Kind, Signal};
pub use collect::{Fact, Facts, Value};
pub use draw::draw;
pub use loader::write_loader;
pub(crate) use of_run::facts;
pub use of_run::{Signals, site_catalogue, write_signals};
pub use write::{Shape, Written, write};
