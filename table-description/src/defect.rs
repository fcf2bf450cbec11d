use std::{fmt, sync::Arc};

use crate::{Column, TableDescription, typing::DefectKind};

/// A value that was left out or changed, and where it stood.
///
/// Neither `Debug` nor `Display` shows the resource's id, since it may identify a patient; the field has it for the
/// defects table.
#[derive(Clone, PartialEq, Eq)]
pub struct Defect {
    /// The table the value belongs to.
    pub table: Arc<TableDescription>,
    /// FHIR id of the resource; `None` where it has none.
    pub resource_id: Option<Box<str>>,
    /// Position of the column in the table, counted from 0.
    pub column: usize,
    /// Which repetition: one number per path segment, counted from 1; empty where it is not known.
    pub index: Box<[u32]>,
    /// What is wrong.
    pub kind: DefectKind,
}

impl Defect {
    /// The column the value belongs to; `None` if the position is not one of the table.
    #[must_use]
    pub fn column(&self) -> Option<&Column> {
        self.table.columns.get(self.column)
    }

    /// SQL name of the column; empty if the position is not one of the table.
    #[must_use]
    pub fn column_name(&self) -> &str {
        self.column().map_or("", |column| &column.name)
    }

    /// The index as the raw notation writes it, such as `1.2.1`.
    #[must_use]
    pub fn index_text(&self) -> String {
        let numbers: Vec<String> = self.index.iter().map(u32::to_string).collect();
        numbers.join(".")
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}[{}]: {}",
            self.table.name,
            self.column_name(),
            self.index_text(),
            self.kind
        )
    }
}

impl fmt::Debug for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Defect({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ElementPath, FhirType, Origin};

    #[test]
    fn prints_where_and_never_the_resource() {
        let column = Column::new(
            "pat_birthdate",
            Origin::Element(ElementPath::new("birthDate")),
            FhirType::Date,
        );
        let table = TableDescription {
            name: "patient".into(),
            resource: None,
            prefix: "pat".into(),
            columns: vec![column],
            melt: crate::MeltMode::Product,
        };
        let defect = Defect {
            table: Arc::new(table),
            resource_id: Some("MARKER".into()),
            column: 0,
            index: [1, 2].into(),
            kind: DefectKind::NotADate,
        };
        assert_eq!(defect.to_string(), "patient.pat_birthdate[1.2]: not_a_date");
        assert!(!format!("{defect:?}").contains("MARKER"));
    }
}
