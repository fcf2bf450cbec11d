use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Error, ErrorKind, csv,
    sheet::{Sheet, Workbook},
};

/// The largest file that is read: the real workbooks have 50 KB.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;

impl Workbook {
    /// Reads a workbook, a folder of CSV files, or one CSV file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let sheets = if path.is_dir() {
            csv_files(path, "")
                .and_then(|files| {
                    files
                        .iter()
                        .map(|(name, file)| read_csv(name, file))
                        .collect::<io::Result<_>>()
                })
                .map_err(|source| cannot_read(path, source))?
        } else if is_csv(path) {
            read_book_of(path).map_err(|source| cannot_read(path, source))?
        } else {
            read_workbook(path)?
        };
        Ok(Self {
            path: path.to_owned(),
            sheets,
        })
    }
}

/// Whether a file name ends in `.csv`, in any case.
pub(crate) fn is_csv(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

pub(crate) fn cannot_read(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::caused(
        ErrorKind::Read {
            path: path.to_owned(),
        },
        source,
    )
}

/// `book__sheet.csv` stands for all `book__….csv` beside it, any other name for itself. The named file comes first.
fn read_book_of(path: &Path) -> io::Result<Vec<Sheet>> {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let Some((book, sheet)) = stem.split_once("__") else {
        return Ok(vec![read_csv(stem, path)?]);
    };
    let mut sheets = vec![read_csv(sheet, path)?];
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    for (name, file) in csv_files(folder, &format!("{book}__"))? {
        if name != sheet {
            sheets.push(read_csv(&name, &file)?);
        }
    }
    Ok(sheets)
}

/// Sheet names and paths of a folder's CSV files whose name begins with `prefix`, which the sheet name leaves out.
fn csv_files(folder: &Path, prefix: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(name) = stem.and_then(|stem| stem.strip_prefix(prefix))
            && is_csv(&path)
        {
            files.push((name.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

fn read_csv(name: &str, path: &Path) -> io::Result<Sheet> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {MAX_FILE_BYTES} bytes"),
        ));
    }
    Ok(csv::parse(name, &fs::read_to_string(path)?))
}

#[cfg(feature = "xlsx")]
fn read_workbook(path: &Path) -> Result<Vec<Sheet>, Error> {
    crate::xlsx::read(path)
}

#[cfg(not(feature = "xlsx"))]
fn read_workbook(path: &Path) -> Result<Vec<Sheet>, Error> {
    Err(Error::plain(ErrorKind::WithoutWorkbooks {
        path: path.to_owned(),
    }))
}
