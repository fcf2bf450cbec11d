//! Sheets as rows of text, whatever file they came from.

use std::path::{Path, PathBuf};

use crate::Fault;
use crate::broken::{Broken, is_error};

/// One row that has text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// As a spreadsheet shows it, counted from 1.
    pub(crate) number: usize,
    /// Texts from the first column on; what is missing at the end is empty.
    pub(crate) cells: Vec<String>,
    /// Cells that have something else than a value; their text is empty.
    pub(crate) broken: Vec<Broken>,
}

impl Row {
    /// The text of a cell without blanks round it; empty where there is none.
    pub(crate) fn get(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", |cell| cell.trim())
    }

    /// Position of the cell with exactly this text.
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        self.cells.iter().position(|cell| cell.trim() == text)
    }

    /// The first cell that has text.
    pub(crate) fn first_text(&self) -> &str {
        self.cells
            .iter()
            .map(|cell| cell.trim())
            .find(|cell| !cell.is_empty())
            .unwrap_or("")
    }

    fn is_blank(&self) -> bool {
        self.first_text().is_empty() && self.broken.is_empty()
    }

    /// Takes texts that a spreadsheet program shows for errors for what they are: `#NAME?` is neither a name nor a comment.
    fn without_errors(mut self) -> Self {
        for (column, cell) in self.cells.iter_mut().enumerate() {
            if is_error(cell) {
                let what = format!("the error {}", std::mem::take(cell).trim());
                self.broken.push(Broken { column, what });
            }
        }
        self
    }
}

/// One sheet; blank rows are left out, the numbers of the others stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) name: String,
    pub(crate) rows: Vec<Row>,
}

impl Sheet {
    pub(crate) fn new(name: impl Into<String>, rows: impl IntoIterator<Item = Row>) -> Self {
        Self {
            name: name.into(),
            rows: rows
                .into_iter()
                .map(Row::without_errors)
                .filter(|row| !row.is_blank())
                .collect(),
        }
    }

    /// Position of the first row that has these two names in this order, whatever stands above or between.
    pub(crate) fn header(&self, first: &str, second: &str) -> Option<usize> {
        self.rows.iter().position(|row| {
            row.find(first)
                .zip(row.find(second))
                .is_some_and(|(first, second)| first < second)
        })
    }
}

/// All sheets of a file or folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workbook {
    pub(crate) path: PathBuf,
    pub(crate) sheets: Vec<Sheet>,
}

/// Collects the faults of one sheet.
pub(crate) struct Faults<'a> {
    file: &'a Path,
    list: Vec<Fault>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(file: &'a Path) -> Self {
        Self {
            file,
            list: Vec::new(),
        }
    }

    pub(crate) fn add(
        &mut self,
        sheet: &str,
        row: Option<usize>,
        column: Option<&'static str>,
        expected: impl Into<String>,
    ) {
        let (file, sheet) = (self.file.to_owned(), sheet.to_owned());
        self.list.push(Fault {
            file,
            sheet,
            row,
            column,
            expected: expected.into(),
        });
    }

    /// Adds a fault for each cell of the row in one of these columns that has no value: `columns` are places with names.
    pub(crate) fn add_broken(&mut self, sheet: &str, row: &Row, columns: &[(Option<usize>, &'static str)]) {
        for broken in &row.broken {
            let column = columns.iter().find(|(place, _)| *place == Some(broken.column));
            if let Some((_, name)) = column {
                self.add(sheet, Some(row.number), Some(name), broken.expected(row.number));
            }
        }
    }

    /// The value, or all faults if there are any.
    pub(crate) fn or<T>(self, value: T) -> Result<T, crate::Error> {
        if self.list.is_empty() {
            Ok(value)
        } else {
            Err(crate::Error::faulty(self.file, self.list))
        }
    }
}
