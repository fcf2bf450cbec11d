use std::sync::Arc;

use crate::TableDescription;

/// All tables of a workbook, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The tables; shared, since batches of rows refer to theirs.
    pub tables: Vec<Arc<TableDescription>>,
}

impl Description {
    /// The table with this lower-case name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Arc<TableDescription>> {
        self.tables.iter().find(|t| t.name == name)
    }

    /// The table of this FHIR resource type (exact case).
    #[must_use]
    pub fn resource(&self, resource: &str) -> Option<&Arc<TableDescription>> {
        self.tables
            .iter()
            .find(|t| t.resource.as_deref() == Some(resource))
    }

    /// The tables that hold a FHIR resource type, in the workbook's order.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<TableDescription>> {
        self.tables.iter().filter(|t| t.resource.is_some())
    }

    /// How many columns all tables have together.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.tables.iter().map(|t| t.columns.len()).sum()
    }

    /// The same tables with `suffix` at the end of their names, such as `_fe`.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        let rename = |table: &Arc<TableDescription>| {
            Arc::new(TableDescription {
                name: format!("{}{suffix}", table.name),
                ..TableDescription::clone(table)
            })
        };
        Self {
            tables: self.tables.iter().map(rename).collect(),
        }
    }
}
