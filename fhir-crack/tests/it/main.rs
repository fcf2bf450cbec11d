//! Tests of the public interface.

mod batches;
mod hostile;
mod inputs;
mod json_pages;
mod notation_laws;
mod same_rows;
mod simple_json;
mod slow;
mod tables;
mod xml_pages;
