use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::sheet::Sheet;

/// Writes one sheet, every cell as text, widths fitted and the header fixed.
pub(crate) fn write(sheet: &Sheet, path: &Path) -> Result<(), XlsxError> {
    let mut book = Workbook::new();
    // A fixed time of creation, so that equal descriptions give equal files.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let page = book.add_worksheet().set_name(&sheet.name)?;
    let header = sheet.header("RESOURCE", "COLUMN_NAME");
    let bold = Format::new().set_bold();
    for (position, row) in sheet.rows.iter().enumerate() {
        let number = u32::try_from(row.number - 1).map_err(|_| XlsxError::RowColumnLimitError)?;
        for (column, text) in (0u16..).zip(&row.cells).filter(|(_, text)| !text.is_empty()) {
            if Some(position) == header {
                page.write_string_with_format(number, column, text, &bold)?;
            } else {
                page.write_string(number, column, text)?;
            }
        }
        if Some(position) == header {
            page.set_freeze_panes(number + 1, 2)?;
        }
    }
    let tables = header.and_then(|at| sheet.rows.get(at..)).unwrap_or_default();
    let width = tables.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    for (column, at) in (0u16..).zip(0..width) {
        let longest = tables
            .iter()
            .map(|row| row.get(at).chars().count())
            .max()
            .unwrap_or(0);
        // At most 63 characters (a name) and a little room.
        let width = u8::try_from(longest.clamp(8, 63) + 2).unwrap_or(u8::MAX);
        page.set_column_width(column, f64::from(width))?;
    }
    book.save(path)
}
