use crate::{Column, MeltMode};

/// One table: the columns of one resource type, or of an internal table such as `pids_per_ward`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    /// Lower-case table name without suffix, such as `medicationrequest`.
    pub name: String,
    /// FHIR resource type as written in the workbook; `None` for an internal table.
    pub resource: Option<String>,
    /// Abbreviation before every column name (`pat`), empty where there is none.
    pub prefix: String,
    /// Columns in the order of the workbook.
    pub columns: Vec<Column>,
    /// How repetitions become rows; the workbooks' tables multiply.
    pub melt: MeltMode,
}

impl TableDescription {
    /// Position of the column with this name, counted from 0.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// Position of the first column with this path, counted from 0.
    #[must_use]
    pub fn position_of_path(&self, path: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.path().as_str() == path)
    }
}
