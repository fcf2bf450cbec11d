//! Tests of the public interface.

mod batches;
mod json_pages;
mod same_rows;
mod simple_json;
mod slow;
mod tables;
mod xml_pages;
