use std::collections::HashSet;

use crate::identifier::fault_of;
use crate::{Column, FhirType, MAX_IDENTIFIER_BYTES, MeltMode};

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

    /// The same table with a column of text behind each column of dates or date-times, for how much of them was given (see
    /// [`Column::precision_name`]): the columns of its files and frames where a site asks for these.
    #[must_use]
    pub fn with_precision(&self) -> Self {
        let beside = |column: &Column| {
            let precision = column
                .precision_name()
                .map(|name| Column::new(name, column.origin.clone(), FhirType::String));
            [Some(column.clone()), precision].into_iter().flatten()
        };
        Self {
            columns: self.columns.iter().flat_map(beside).collect(),
            ..self.clone()
        }
    }

    /// Position of the column that says whose a row is, for tables that are searched by patient: its path is
    /// `subject/reference` or `patient/reference`.
    #[must_use]
    pub fn patient_column(&self) -> Option<usize> {
        let subject = self.position_of_path("subject/reference");
        subject.or_else(|| self.position_of_path("patient/reference"))
    }

    /// A name with the table's prefix before it, such as `pat_id`.
    pub(crate) fn prefixed(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}_{name}", self.prefix)
        }
    }

    /// What all names have before their first `_`; empty if they differ or there is only one.
    pub(crate) fn common_prefix(&self) -> String {
        let names = self.columns.iter().map(|column| column.name.as_str());
        let mut prefixes = names.map(|name| name.split_once('_').map(|(prefix, _)| prefix));
        match prefixes.next() {
            Some(Some(first)) if self.columns.len() > 1 && prefixes.all(|prefix| prefix == Some(first)) => {
                first.to_owned()
            }
            _ => String::new(),
        }
    }

    /// Whether a name in a workbook is a resource type: internal tables begin with a lower-case letter.
    pub(crate) fn is_resource(name: &str) -> bool {
        !name.starts_with(|c: char| c.is_lowercase())
    }

    /// Columns whose name is too long or taken, each with what was expected.
    pub(crate) fn name_faults(&self) -> Vec<(usize, String)> {
        let mut seen = HashSet::new();
        let mut faults = Vec::new();
        for (position, column) in self.columns.iter().enumerate() {
            let name = column.name.as_str();
            if name.len() > MAX_IDENTIFIER_BYTES {
                let bytes = name.len();
                faults.push((
                    position,
                    format!("a name of at most {MAX_IDENTIFIER_BYTES} bytes; {name} has {bytes}"),
                ));
            }
            if let Some(expected) = fault_of("a name", name) {
                faults.push((position, expected));
            }
            if !seen.insert(name) {
                faults.push((
                    position,
                    format!("each name once in {}; {name} stands above already", self.name),
                ));
            }
        }
        faults
    }
}
