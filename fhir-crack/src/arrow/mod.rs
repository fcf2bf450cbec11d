//! Raw rows as Arrow record batches, of the types a consumer takes (feature `arrow`).

mod field;
mod pages;
mod profile;
mod raw;
mod rejected;
mod texts;

pub use field::{FIELD_PATH, FIELD_TYPE, SCHEMA_RESOURCE, SCHEMA_TABLE, field, schema};
pub use pages::Pages;
pub use profile::Profile;
pub use raw::raw_schema;
pub use rejected::{Unread, rejected_batch, rejected_schema};
pub use texts::{MOST_BYTES, Texts, words};
