use super::Field;

/// One form ("instrument") of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Name, such as `medikationsanalyse`.
    pub name: String,
    /// What people read; the name where the project says nothing else.
    pub label: String,
    /// The fields in order, those without a value included.
    pub fields: Vec<Field>,
}

impl Form {
    /// Name of the field with the form's state: 0 incomplete, 1 unverified, 2 complete.
    #[must_use]
    pub fn complete_field(&self) -> String {
        format!("{}_complete", self.name)
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
