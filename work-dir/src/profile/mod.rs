//! What the rows of a table look like: read column by column, so that memory does not grow with the number of columns.
//! Tests of the data and the report are made of it.

mod civil;
mod collect;
mod days;
mod dictionary;
mod file;
mod files;
mod grouped;
mod hash;
mod known;
mod measure;
mod numbers;
mod part;
mod quantile;
mod repeats;
mod roles;
mod shape;
mod signal_text;
mod source;
mod tally;
mod units;

pub(crate) use civil::{civil, parse as parse_day};
pub(crate) use days::{Plausibility, Plausible};
pub(crate) use files::Files;
pub(crate) use hash::of as hash_of;
pub use known::Known;
pub(crate) use known::id_of;
pub use measure::measure;
pub(crate) use measure::texts;
pub(crate) use numbers::{Sample, distribution};
pub(crate) use part::{Cells, Part};
pub(crate) use quantile::interpolated;
pub use quantile::{QUANTILES, quantile, ratio};
pub use roles::{Charset, Role, Roles, Target};
pub use shape::{Bin, Code, ColumnProfile, Days, Group, Kind, Numbers, TableProfile, Unknown, share};
#[cfg(feature = "sql")]
pub(crate) use source::Piece;
pub use source::Source;
pub use tally::{Count, PATIENT_CAP};
