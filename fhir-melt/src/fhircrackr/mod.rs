//! fhircrackr's functions on tables of text, with its results as the default.
//!
//! They read indices out of the cells' text wherever something looks like one, as fhircrackr does. Whoever has a
//! [`fhir_crack::Batch`] melts it with [`crate::melt`], which knows index from text and is much faster.

mod cast;
mod collapse;
mod collation;
mod columns;
#[cfg(feature = "polars")]
pub mod frame;
mod index;
mod melt;
mod melt_all;
mod rm_indices;
mod text_table;

pub use cast::{Cast, cast};
pub use collapse::{Collapse, Compare, collapse};
pub use columns::common_columns;
pub use melt::{Melt, melt};
pub use melt_all::{MeltAll, melt_all};
pub use rm_indices::{RmIndices, rm_indices};
pub use text_table::TextTable;
