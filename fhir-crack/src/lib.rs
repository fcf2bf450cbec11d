#![doc = include_str!("../README.md")]

#[cfg(feature = "arrow")]
pub mod arrow;
mod batch;
mod batch_builder;
mod block;
mod collation;
mod crack;
pub mod csv;
mod decoder;
mod duplicates;
mod error;
mod foreign;
#[cfg(feature = "polars")]
pub mod frame;
mod gunzip;
mod halt;
mod head;
mod index_path;
mod input;
mod issue;
mod json;
mod keys;
mod layout;
mod limits;
mod meta;
pub mod ndjson;
pub mod notation;
mod options;
pub mod outline;
mod parallel;
mod plan;
mod position;
mod rejected;
mod repair;
mod rows;
#[cfg(feature = "search")]
pub mod search;
mod store;
mod summary;
mod tree;
mod tree_values;
mod types;
mod work;
mod xml;
mod xpath;

pub use batch::{Batch, Cursor};
pub use batch_builder::BatchBuilder;
pub use crack::{Cracked, bundle_meta, crack, crack_with};
pub use decoder::Decoder;
pub use error::{Error, ErrorKind, Limit, Place};
pub use issue::Issue;
pub use layout::{Layout, TextTable};
pub use limits::Limits;
pub use meta::BundleMeta;
pub use notation::Notation;
pub use options::{Attributes, Duplicates, Faults, ForeignBytes, Nested, Options};
pub use parallel::{crack_pages, in_order, pieces_of_lines, workers};
pub use plan::Plan;
pub use rejected::Rejected;
pub use repair::{Repair, Repaired};
pub use store::Entry;
pub use summary::{Summary, TableSummary};
