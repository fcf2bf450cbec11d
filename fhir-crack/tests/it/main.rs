//! Tests of the public interface.

mod batches;
mod json_pages;
mod tables;
