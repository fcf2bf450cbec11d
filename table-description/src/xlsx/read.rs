//! Sheets of a workbook, read cell by cell, so that neither a wrong stored size nor a far-away empty cell matters.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use calamine::{DataRef, Reader, Xlsx, XlsxError};

use super::limits;
use crate::{
    Error,
    broken::Broken,
    sheet::{Row, Sheet},
    workbook::{MAX_FILE_BYTES, cannot_read},
};

/// Columns further right hold nothing a description could mean.
const MAX_COLUMN: u32 = 255;

/// All sheets in the workbook's order, hidden ones included.
pub(crate) fn read(path: &Path) -> Result<Vec<Sheet>, Error> {
    let file = File::open(path).map_err(|source| cannot_read(path, source))?;
    let size = file.metadata().map_err(|source| cannot_read(path, source))?.len();
    if size > MAX_FILE_BYTES {
        return Err(cannot_read(path, format!("more than {MAX_FILE_BYTES} bytes")));
    }
    read_from(path, BufReader::new(file))
}

/// [`read`] from any source of bytes; `path` only names it.
///
/// Calamine panics on some malformed files (arithmetic on cell references overflows, which builds with checks notice);
/// such a file is an error like any other.
pub(crate) fn read_from(path: &Path, mut source: impl Read + Seek) -> Result<Vec<Sheet>, Error> {
    limits::check(&mut source).map_err(|what| cannot_read(path, what))?;
    source.rewind().map_err(|source| cannot_read(path, source))?;
    match catch_unwind(AssertUnwindSafe(|| sheets(source))) {
        Ok(Ok(sheets)) => Ok(sheets),
        Ok(Err(source)) => Err(cannot_read(path, source)),
        Err(_) => Err(cannot_read(path, "the workbook is malformed")),
    }
}

fn sheets(source: impl Read + Seek) -> Result<Vec<Sheet>, XlsxError> {
    let mut book = Xlsx::new(source)?;
    let mut sheets = Vec::new();
    for name in book.sheet_names() {
        sheets.push(Sheet::new(name.clone(), rows(&mut book, &name)?));
    }
    Ok(sheets)
}

fn rows<R: Read + Seek>(book: &mut Xlsx<R>, name: &str) -> Result<Vec<Row>, XlsxError> {
    let mut rows: Vec<Row> = Vec::new();
    let mut cells = book.worksheet_cells_reader(name)?;
    while let Some(cell) = cells.next_cell_with_formula_metadata()? {
        let (row, column) = cell.pos;
        let text = text(&cell.value);
        let broken = broken(&cell.value, cell.formula.is_some());
        if (text.is_empty() && broken.is_none()) || column > MAX_COLUMN {
            continue;
        }
        let number = row as usize + 1;
        if rows.last().is_none_or(|last| last.number != number) {
            rows.push(Row {
                number,
                ..Row::default()
            });
        }
        if let Some(row) = rows.last_mut() {
            let column = column as usize;
            row.broken.extend(broken.map(|what| Broken { column, what }));
            if row.cells.len() <= column {
                row.cells.resize(column + 1, String::new());
            }
            if let Some(cell) = row.cells.get_mut(column) {
                *cell = text;
            }
        }
    }
    Ok(rows)
}

/// What stands in a cell instead of a value: an error, or a formula whose value the writing program left out.
fn broken(value: &DataRef<'_>, is_formula: bool) -> Option<String> {
    match value {
        DataRef::Error(error) => Some(format!("the error {error}")),
        DataRef::Empty if is_formula => Some(
            "a formula without a stored value (open the workbook in a spreadsheet program and save it)"
                .to_owned(),
        ),
        _ => None,
    }
}

/// A cell as a spreadsheet would show it; empty for an error value, see [`broken`].
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty | DataRef::Error(_) => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::DateTime(date) => date.as_f64().to_string(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        #[allow(
            unreachable_patterns,
            clippy::allow_attributes,
            reason = "later kinds of cells hold no names"
        )]
        _ => String::new(),
    }
}
