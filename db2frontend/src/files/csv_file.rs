//! A form as a CSV file: commas, quotes where needed, UTF-8 with the mark spreadsheets know it by.

use std::path::Path;

use super::sheet::Sheet;
use crate::api::Table;
use crate::{Error, ErrorKind, Result};

pub(super) fn read(file: &Path) -> Result<Table> {
    let bytes = std::fs::read(file)
        .map_err(|e| Error::new(ErrorKind::Files, file.display().to_string()).with_source(e))?;
    Table::from_csv(&bytes, None).map_err(|fault| {
        let text = format!("{}: line {}: {}", file.display(), fault.line, fault.text);
        Error::new(ErrorKind::Files, text)
    })
}

pub(super) fn bytes(form: &str, sheet: &Sheet) -> Result<Vec<u8>> {
    let failed = || Error::new(ErrorKind::Files, format!("writing {form}.csv"));
    let mut writer = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    writer
        .write_record(sheet.heads())
        .map_err(|e| failed().with_source(e))?;
    for line in &sheet.rows {
        let cells = sheet.cells(form, line);
        writer
            .write_record(cells.iter().map(|cell| cell.as_bytes()))
            .map_err(|e| failed().with_source(e))?;
    }
    writer.into_inner().map_err(|_| failed())
}
