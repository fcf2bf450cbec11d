//! Files in, files out: crack, flatten and melt without a server or a hub.

mod crack;
mod inputs;
mod melt;
mod raw_csv;
mod raw_parquet;
mod spreadsheet;
#[cfg(test)]
mod tests;

pub use crack::{CrackFormat, CrackOptions, ReadFault, crack};
pub use inputs::Inputs;
pub use melt::melt_file;
pub use spreadsheet::SpreadsheetSafe;
