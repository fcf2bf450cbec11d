//! Pages that show a run: self-contained, without network, readable on a phone, printable, and masked.

mod chart;
mod column_card;
mod index_page;
mod mask;
mod page;
mod report_of_run;
mod run_figures;
mod table_page;
mod text;

pub use mask::Masking;
pub use report_of_run::{ReportOptions, Written, write};
