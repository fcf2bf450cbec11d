#![doc = include_str!("../README.md")]

mod broken;
mod cells;
mod column;
mod csv;
mod default;
mod defect;
mod definition;
mod description;
mod diff;
mod element_path;
mod error;
mod fault;
mod fhir_type;
mod identifier;
mod melt_mode;
#[cfg(fuzzing)]
pub mod oracle;
mod read;
pub mod reference;
mod render;
mod report;
mod sheet;
mod sql;
mod table;
pub mod typing;
mod workbook;
mod write;
#[cfg(feature = "xlsx")]
mod xlsx;

pub use column::{Column, Origin, PRECISION_SUFFIX};
pub use default::{
    DEFAULT, default_core, default_definition_sheets, default_description, default_frontend,
    default_submodules,
};
pub use defect::Defect;
pub use definition::Definition;
pub use description::Description;
pub use diff::{Change, ColumnChange, diff};
pub use element_path::ElementPath;
pub use error::{Error, ErrorKind};
pub use fault::Fault;
pub use fhir_type::FhirType;
pub use melt_mode::MeltMode;
pub use report::{Remark, RemarkKind, Report, TableReport};
pub use sql::{MAX_IDENTIFIER_BYTES, quote_identifier};
pub use table::TableDescription;
