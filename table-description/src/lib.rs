//! Tables and columns as data: what to extract, how it is named, how it is typed.

mod column;
mod description;
mod element_path;
mod fhir_type;
mod table;
pub mod typing;

pub use column::{Column, Origin};
pub use description::Description;
pub use element_path::ElementPath;
pub use fhir_type::FhirType;
pub use table::TableDescription;
