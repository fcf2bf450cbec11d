//! The exchange without a server: one CSV file a form, or one workbook with a sheet a form.
//!
//! Values stand as in the hub: choices as labels, times as wall time. What is written is stored at the end, each file whole.

mod csv_file;
mod folder;
mod sheet;
mod workbook;

pub use folder::{FileKind, Folder};
