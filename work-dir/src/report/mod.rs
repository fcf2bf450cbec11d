//! Pages that show a run: self-contained, without network, readable on a phone, printable, and masked.

mod batches;
mod chart;
mod column_card;
mod index_page;
mod mask;
mod months;
mod page;
mod report_of_run;
mod run_figures;
mod signal_pages;
mod signal_values;
mod table_page;
mod text;
mod trend;

pub use mask::Masking;
pub use report_of_run::{ReportOptions, Written, write};
