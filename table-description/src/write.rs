use std::{fs, path::Path};

use crate::{Description, Error, ErrorKind, csv, render, sheet::Sheet, workbook::is_csv};

impl Description {
    /// Writes the description: a workbook if the name ends in `.xlsx` (with the feature `xlsx`), a CSV file if it ends
    /// in `.csv`, and into a folder otherwise, as `table_description.csv`.
    ///
    /// [`Description::read`] reads it back. Equal descriptions give equal bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let sheet = self.sheet();
        if is_csv(path) {
            fs::write(path, text(&sheet)).map_err(|source| cannot_write(path, source))
        } else if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("xlsx"))
        {
            write_workbook(&sheet, path)
        } else {
            let file = path.join(format!("{}.csv", render::SHEET));
            fs::create_dir_all(path)
                .and_then(|()| fs::write(&file, text(&sheet)))
                .map_err(|source| cannot_write(&file, source))
        }
    }

    /// The description as the text of a CSV file, with the rows of the workbook's sheet.
    #[must_use]
    pub fn to_csv(&self) -> String {
        text(&self.sheet())
    }
}

/// All records have as many cells as the widest row.
fn text(sheet: &Sheet) -> String {
    let width = sheet.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut next = 1;
    for row in &sheet.rows {
        while next < row.number {
            csv::write((0..width).map(|_| ""), &mut out);
            next += 1;
        }
        csv::write((0..width).map(|column| row.get(column)), &mut out);
        next += 1;
    }
    out
}

fn cannot_write(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::caused(
        ErrorKind::Write {
            path: path.to_owned(),
        },
        source,
    )
}

#[cfg(feature = "xlsx")]
fn write_workbook(sheet: &Sheet, path: &Path) -> Result<(), Error> {
    crate::xlsx::write(sheet, path).map_err(|source| cannot_write(path, source))
}

#[cfg(not(feature = "xlsx"))]
fn write_workbook(_: &Sheet, path: &Path) -> Result<(), Error> {
    Err(Error::plain(ErrorKind::WithoutWorkbooks {
        path: path.to_owned(),
    }))
}
