//! One import: several tables, one transaction, one processing number.

mod calculated;
mod confirmed;
mod copy_buffer;
mod defects;
mod deleted;
mod functions;
mod hash;
mod id_ranges;
mod import;
mod lanes;
mod loaded;
mod loading;
mod open_rows;
mod part;
mod part_bytes;
mod part_store;
mod precision;
mod raw_rows;
mod read;
mod rows;
mod several;
mod spread;
mod statements;
mod store;
mod structure;
mod trust;
mod typed_rows;
mod watermark;

pub(crate) use functions::functions;
pub use hash::{Hasher, RowHash};
pub use import::Import;
pub use loaded::{ImportSummary, Loaded, Run};
pub use open_rows::OpenRows;
pub use part::{RawPart, RawRows, TypedPart};
pub use part_store::StoredRaw;
