use std::{fmt, path::PathBuf};

/// One thing wrong with a description: where it stands and what was expected there.
///
/// `Display` gives `file, sheet "s", row 7, column COLUMN_NAME: expected …`, so a list of faults can be printed as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The workbook, or the folder of CSV files.
    pub file: PathBuf,
    /// The sheet, or the CSV file without its extension; empty where the fault is the file's.
    pub sheet: String,
    /// Row as a spreadsheet shows it, counted from 1; `None` where the fault is the sheet's.
    pub row: Option<usize>,
    /// Name of the column as its header says.
    pub column: Option<&'static str>,
    /// What was expected there, and what there is.
    pub expected: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if !self.sheet.is_empty() {
            write!(f, ", sheet {:?}", self.sheet)?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": expected {}", self.expected)
    }
}
