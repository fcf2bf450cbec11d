//! What the fuzz targets need beside the public API: sheets without files, and the parsers without their fast paths.
//! Only compiled under `cfg(fuzzing)`.

use std::{io::Cursor, path::Path};

use crate::{
    Description, Error, csv,
    sheet::Workbook,
    typing::{Precision, Value, Zone, careful},
    xlsx,
};

/// Reads the bytes of a workbook as a description or definition.
///
/// # Errors
/// As [`Description::read`].
pub fn read_workbook(bytes: &[u8]) -> Result<Description, Error> {
    let path = Path::new("fuzz.xlsx");
    let sheets = xlsx::read_from(path, Cursor::new(bytes))?;
    Description::from_workbook(&Workbook {
        path: path.to_owned(),
        sheets,
    })
}

/// Reads texts of CSV sheets, each with its name, as a description or definition.
///
/// # Errors
/// As [`Description::read`].
pub fn read_sheets<'a>(sheets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Description, Error> {
    let sheets = sheets
        .into_iter()
        .map(|(name, text)| csv::parse(name, text))
        .collect();
    Description::from_workbook(&Workbook {
        path: "fuzz".into(),
        sheets,
    })
}

/// What the careful parsers make of a text: as a date, a date-time of `zone` and a time of day.
#[must_use]
pub fn careful(text: &str, zone: &Zone) -> [Option<(Value<'static>, Option<Precision>)>; 3] {
    [
        careful::date(text)
            .ok()
            .map(|(days, precision)| (Value::Date(days), Some(precision))),
        careful::datetime(text, zone)
            .ok()
            .map(|read| (Value::DateTime(read.micros), Some(read.precision))),
        careful::time(text).ok().map(|micros| (Value::Time(micros), None)),
    ]
}
