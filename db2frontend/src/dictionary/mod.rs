//! The data dictionary of a REDCap project: forms, fields, choices and branching.
//!
//! Read from the CSV file that REDCap exports or from the metadata its interface returns; both have the same 18 columns
//! under different heads.

mod branching;
mod choice;
mod field;
mod form;
mod read;

pub use branching::{Branching, BranchingFault};
pub use choice::{Choice, column_of_option};
pub use field::{Field, FieldKind};
pub use form::Form;

/// All forms of a project, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dictionary {
    /// The forms; the first one begins with the record's id.
    pub forms: Vec<Form>,
}

impl Dictionary {
    /// The form of this name.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.name == name)
    }

    /// All fields of all forms.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.forms.iter().flat_map(|form| &form.fields)
    }

    /// The field of this name, with its form.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<(&Form, &Field)> {
        self.forms
            .iter()
            .find_map(|form| Some((form, form.fields.iter().find(|field| field.name == name)?)))
    }

    /// Name of the field that identifies a record: the first one.
    #[must_use]
    pub fn record_field(&self) -> &str {
        self.fields().next().map_or("record_id", |field| &field.name)
    }
}
