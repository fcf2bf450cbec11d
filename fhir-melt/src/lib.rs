//! Melting is SQL's `UNNEST`: one row a repetition.
//!
#![doc = include_str!("../README.md")]

mod aligned;
#[cfg(feature = "arrow")]
pub mod arrow;
mod cell;
mod child;
mod error;
pub mod fhircrackr;
pub mod flatten;
#[cfg(feature = "polars")]
mod frame;
mod group;
mod melted;
mod node;
mod options;
mod piece;
mod pieces;
mod product;
mod repeats;
mod slots;
mod stream;
mod typed;
mod unmelt;
pub mod write;

pub use error::{Error, ErrorKind};
#[cfg(feature = "polars")]
pub use frame::DictionaryColumn;
pub use melted::Melted;
pub use options::{MeltOptions, TrailingSeparator};
pub use repeats::Repeats;
pub use stream::{Melter, Rows, melt};
pub use typed::TypedBatch;
pub use unmelt::unmelt;
