//! FHIR bundles to flat raw rows.

mod batch;

pub use batch::{Batch, BatchBuilder, Entry};
