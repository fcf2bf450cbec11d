//! All forms as one workbook: a sheet each, typed cells, the header frozen, a list to choose from where there are choices.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use calamine::{Data, Reader as _, open_workbook_auto};
use jiff::civil::DateTime;
use rust_xlsxwriter::{DataValidation, Format, Formula, Workbook, Worksheet, XlsxError};
use table_description::{FhirType, TableDescription};

use super::sheet::Sheet;
use crate::api::Table;
use crate::dictionary::{Dictionary, FieldKind};
use crate::{Error, ErrorKind, Result};

/// Most bytes of a sheet's name, by the format.
const NAME: usize = 31;
/// Most characters of a cell, by the format.
const CELL: usize = 32_767;
/// The sheet the lists stand on.
const LISTS: &str = "lists";
/// Rows below the last one that get lists and formats, for what people add.
const ROOM: u32 = 1_000;

fn sheet_name(form: &str) -> String {
    form.chars().take(NAME).collect()
}

fn is_date(value_type: FhirType) -> bool {
    matches!(value_type, FhirType::Date | FhirType::DateTime)
}

/// The tables of a workbook by form; sheets of other names are passed over.
pub(super) fn read(
    file: &Path,
    tables: &BTreeMap<String, Arc<TableDescription>>,
) -> Result<BTreeMap<String, Table>> {
    let failed = || Error::new(ErrorKind::Files, file.display().to_string());
    let mut book = open_workbook_auto(file).map_err(|e| failed().with_source(e))?;
    let names = book.sheet_names();
    let mut found = BTreeMap::new();
    for (form, table) in tables {
        let name = sheet_name(form);
        if !names.contains(&name) {
            continue;
        }
        let range = book.worksheet_range(&name).map_err(|e| failed().with_source(e))?;
        let mut rows = range.rows();
        let heads: Vec<String> = rows
            .next()
            .unwrap_or_default()
            .iter()
            .map(|cell| text(cell, FhirType::String).trim().to_owned())
            .collect();
        let types: Vec<FhirType> = heads
            .iter()
            .map(|head| {
                let at = table.position(head);
                at.and_then(|at| table.columns.get(at))
                    .map_or(FhirType::String, |c| c.fhir_type)
            })
            .collect();
        let cells = rows
            .map(|row| {
                row.iter()
                    .zip(&types)
                    .map(|(cell, value_type)| text(cell, *value_type))
                    .collect()
            })
            .collect();
        found.insert(form.clone(), Table::new(heads, cells));
    }
    Ok(found)
}

fn text(cell: &Data, value_type: FhirType) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) => text.clone(),
        Data::Float(number) if is_date(value_type) => moment(*number, value_type),
        Data::Float(number) => number.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(moment_of) => moment(moment_of.as_f64(), value_type),
        other => other.to_string(),
    }
}

/// Days since the end of 1899 as text.
fn moment(days: f64, value_type: FhirType) -> String {
    let seconds = (days * 86_400.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be within the calendar's years"
    )]
    let span = if seconds.abs() < 3e11 {
        seconds as i64
    } else {
        return days.to_string();
    };
    let Ok(at) = epoch().checked_add(jiff::Span::new().seconds(span)) else {
        return days.to_string();
    };
    if value_type == FhirType::Date {
        return at.date().to_string();
    }
    at.to_string().replacen('T', " ", 1)
}

fn epoch() -> DateTime {
    jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0)
}

/// Days since the end of 1899; `None` for what is no moment, or before the format's calendar.
fn serial(text: &str) -> Option<f64> {
    let at: DateTime = match text.len() {
        10 => text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0),
        _ => text.replacen(' ', "T", 1).parse().ok()?,
    };
    let seconds = at.duration_since(epoch()).as_secs_f64();
    // The first days of 1900 are counted differently by different programs.
    (seconds >= 61.0 * 86_400.0).then_some(seconds / 86_400.0)
}

/// The bytes of a workbook.
pub(super) fn bytes(
    sheets: &BTreeMap<String, Sheet>,
    tables: &BTreeMap<String, Arc<TableDescription>>,
    dictionary: &Dictionary,
) -> Result<Vec<u8>> {
    let failed = |e: XlsxError| Error::new(ErrorKind::Files, "writing the workbook").with_source(e);
    let mut book = Workbook::new();
    let mut lists = Lists::default();
    for (form, table) in tables {
        let Some(sheet) = sheets.get(form) else { continue };
        long_cell(form, sheet)?;
        write(book.add_worksheet(), form, table, sheet, dictionary, &mut lists).map_err(failed)?;
    }
    lists.write(book.add_worksheet()).map_err(failed)?;
    book.save_to_buffer().map_err(failed)
}

fn long_cell(form: &str, sheet: &Sheet) -> Result<()> {
    for line in &sheet.rows {
        for (cell, column) in line.cells.iter().zip(&sheet.columns) {
            if cell.len() > CELL && cell.encode_utf16().count() > CELL {
                let text = format!(
                    "form {form}, record {}, field {column}: longer than a cell of a workbook holds ({CELL}); use CSV",
                    line.record
                );
                return Err(Error::new(ErrorKind::Files, text));
            }
        }
    }
    Ok(())
}

fn write(
    page: &mut Worksheet,
    form: &str,
    table: &TableDescription,
    sheet: &Sheet,
    dictionary: &Dictionary,
    lists: &mut Lists,
) -> Result<(), XlsxError> {
    let head = Format::new().set_bold().set_text_wrap();
    let text = Format::new().set_num_format("@");
    let day = Format::new().set_num_format("yyyy-mm-dd");
    let moment = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    page.set_name(sheet_name(form))?;
    page.set_freeze_panes(1, 1)?;
    let last = u32::try_from(sheet.rows.len())
        .unwrap_or(u32::MAX)
        .saturating_add(ROOM);
    for (name, column) in sheet.heads().into_iter().zip(0_u16..) {
        let at = table.position(name).and_then(|at| table.columns.get(at));
        let value_type = at.map_or(FhirType::String, |c| c.fhir_type);
        let format = match value_type {
            FhirType::Date => &day,
            FhirType::DateTime => &moment,
            FhirType::Integer | FhirType::Decimal => &Format::default(),
            _ => &text,
        };
        page.set_column_format(column, format)?;
        page.set_column_width(column, if is_date(value_type) { 20.0 } else { 16.0 })?;
        page.write_string_with_format(0, column, name, &head)?;
        if let Some(list) = lists.of(form, name, dictionary) {
            let rule = DataValidation::new()
                .allow_list_formula(Formula::new(list))
                .set_error_message("Bitte einen Eintrag der Liste wählen.")?;
            page.add_data_validation(1, column, last, column, &rule)?;
        }
    }
    let types: Vec<FhirType> = sheet
        .heads()
        .iter()
        .map(|name| {
            let at = table.position(name).and_then(|at| table.columns.get(at));
            at.map_or(FhirType::String, |c| c.fhir_type)
        })
        .collect();
    for (line, row) in sheet.rows.iter().zip(1_u32..) {
        for ((cell, column), value_type) in sheet.cells(form, line).iter().zip(0_u16..).zip(&types) {
            if cell.is_empty() {
                continue;
            }
            let number = match value_type {
                FhirType::Integer | FhirType::Decimal => cell.parse::<f64>().ok().filter(|n| n.is_finite()),
                FhirType::Date | FhirType::DateTime => serial(cell),
                _ => None,
            };
            match number {
                Some(number) if *value_type == FhirType::Date => {
                    page.write_number_with_format(row, column, number, &day)?;
                }
                Some(number) if *value_type == FhirType::DateTime => {
                    page.write_number_with_format(row, column, number, &moment)?;
                }
                Some(number) => {
                    page.write_number(row, column, number)?;
                }
                None => {
                    page.write_string_with_format(row, column, cell.as_ref(), &text)?;
                }
            }
        }
    }
    Ok(())
}

/// The lists people choose from, each a column of a sheet of their own: a cell's rule holds only 255 characters.
#[derive(Default)]
struct Lists {
    columns: Vec<Vec<String>>,
}

impl Lists {
    /// The range of a field's list; `None` where it has none.
    fn of(&mut self, form: &str, column: &str, dictionary: &Dictionary) -> Option<String> {
        let entries: Vec<String> = if column == format!("{form}_complete") {
            ["Incomplete", "Unverified", "Complete"]
                .map(str::to_owned)
                .to_vec()
        } else if let Some((field, _)) = column.split_once("___") {
            let (_, field) = dictionary.field(field)?;
            if field.kind != FieldKind::Checkbox {
                return None;
            }
            ["Checked", "Unchecked"].map(str::to_owned).to_vec()
        } else {
            let (_, field) = dictionary.field(column)?;
            field.choices.iter().map(|choice| choice.label.clone()).collect()
        };
        if entries.is_empty() || entries.iter().any(|entry| entry.len() > CELL) {
            return None;
        }
        let rows = entries.len();
        let position = match self.columns.iter().position(|known| *known == entries) {
            Some(position) => position,
            None => {
                self.columns.push(entries);
                self.columns.len() - 1
            }
        };
        let name = rust_xlsxwriter::utility::column_number_to_name(u16::try_from(position).ok()?);
        Some(format!("={LISTS}!${name}$1:${name}${rows}"))
    }

    fn write(&self, page: &mut Worksheet) -> Result<(), XlsxError> {
        page.set_name(LISTS)?;
        page.set_hidden(true);
        for (entries, column) in self.columns.iter().zip(0_u16..) {
            for (entry, row) in entries.iter().zip(0_u32..) {
                page.write_string(row, column, entry)?;
            }
        }
        Ok(())
    }
}
