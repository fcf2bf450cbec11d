//! From a data dictionary to the tables the hub exchanges with the frontend.

use std::path::Path;
use std::sync::Arc;

use rust_xlsxwriter::{Format, Workbook, XlsxError};
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

use crate::dictionary::{Dictionary, Field, FieldKind, Form, column_of_option};
use crate::{Error, ErrorKind, Result};

/// The columns every table of the frontend begins with, and what they hold.
pub(crate) const STANDARD: [(&str, &str); 4] = [
    (
        "record_id",
        "Key of the record, the same in all forms of a patient",
    ),
    (
        "redcap_repeat_instrument",
        "Form this row belongs to where the form repeats",
    ),
    (
        "redcap_repeat_instance",
        "Which repetition of the form, counted from 1",
    ),
    (
        "redcap_data_access_group",
        "Group of users who may see the record, one a ward",
    ),
];

/// The sheet readers of the workbook look for.
const SHEET: &str = "frontend_table_description";
const HEADER: [&str; 4] = ["TABLE_NAME", "COLUMN_NAME", "COLUMN_DESCRIPTION", "COLUMN_TYPE"];

/// One table a form: four standard columns, the fields in order, the state last.
///
/// Descriptive fields and the form's own `<form>_fe_id` are left out; a checkbox is one column an option.
#[must_use]
pub fn describe(dictionary: &Dictionary) -> Description {
    let table = |form: &Form| {
        let mut columns: Vec<Column> = STANDARD
            .iter()
            .map(|(name, text)| column(name, text, FhirType::String))
            .collect();
        for field in fields_of(form, dictionary.record_field()) {
            let value_type = field.value_type();
            columns.extend(
                columns_of(field)
                    .into_iter()
                    .map(|(name, text)| column(&name, &text, value_type)),
            );
        }
        columns.push(column(
            &form.complete_field(),
            "State of the form: 0 incomplete, 1 unverified, 2 complete",
            FhirType::String,
        ));
        Arc::new(TableDescription {
            name: form.name.clone(),
            resource: None,
            prefix: String::new(),
            columns,
            melt: MeltMode::Product,
        })
    };
    Description {
        tables: dictionary.forms.iter().map(table).collect(),
    }
}

/// The fields of a form that are columns of its table beside the standard ones.
fn fields_of<'d>(form: &'d Form, record_field: &'d str) -> impl Iterator<Item = &'d Field> {
    let own_id = format!("{}_fe_id", form.name);
    form.fields.iter().filter(move |field| {
        field.kind != FieldKind::Descriptive && field.name != own_id && field.name != record_field
    })
}

/// Columns of a field with their descriptions.
pub(crate) fn columns_of(field: &Field) -> Vec<(String, String)> {
    match field.kind {
        FieldKind::Descriptive => Vec::new(),
        FieldKind::Checkbox => field
            .choices
            .iter()
            .map(|choice| {
                let text = format!("{} - {}", choice.code, plain(&choice.label));
                (column_of_option(&field.name, &choice.code), text)
            })
            .collect(),
        _ => vec![(field.name.clone(), plain(&field.label))],
    }
}

fn column(name: &str, text: &str, value_type: FhirType) -> Column {
    let origin = Origin::Element(ElementPath::new(name));
    Column {
        description: text.to_owned(),
        ..Column::new(name, origin, value_type)
    }
}

/// A label without tags, line breaks and quotes.
pub(crate) fn plain(label: &str) -> String {
    let mut out = String::new();
    let mut rest = label;
    while let Some(begin) = rest.find('<') {
        let (before, tag) = rest.split_at(begin);
        out.push_str(before);
        let after = tag.chars().nth(1);
        let is_tag = after.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        match tag.find('>').filter(|_| is_tag) {
            Some(end) => {
                // What a tag divides are two words.
                out.push(' ');
                rest = tag.get(end + 1..).unwrap_or("");
            }
            None => {
                out.push('<');
                rest = tag.get(1..).unwrap_or("");
            }
        }
    }
    out.push_str(rest);
    let out = out.replace("&nbsp;", " ").replace(['"', '\''], "");
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes a description in the layout of `Frontend_Table_Description`: a workbook where the name ends in `.xlsx`, else CSV.
///
/// # Errors
/// When the file cannot be written.
pub fn write_description(description: &Description, file: &Path) -> Result<()> {
    let failed = || Error::new(ErrorKind::Files, file.display().to_string());
    let is_workbook = file
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("xlsx"));
    if is_workbook {
        return workbook(description, file).map_err(|e| failed().with_source(e));
    }
    std::fs::write(file, csv_text(description)?).map_err(|e| failed().with_source(e))
}

/// The same as the text of a CSV file.
pub(crate) fn csv_text(description: &Description) -> Result<String> {
    let failed = || Error::new(ErrorKind::Files, "writing CSV");
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows(description) {
        writer.write_record(row).map_err(|e| failed().with_source(e))?;
    }
    let bytes = writer.into_inner().map_err(|_| failed())?;
    String::from_utf8(bytes).map_err(|e| failed().with_source(e.utf8_error()))
}

fn workbook(description: &Description, file: &Path) -> Result<(), XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name(SHEET)?;
    let bold = Format::new().set_bold();
    for (row, number) in rows(description).iter().zip(0_u32..) {
        for (cell, column) in row.iter().zip(0_u16..) {
            if number == 0 {
                sheet.write_string_with_format(number, column, *cell, &bold)?;
            } else {
                sheet.write_string(number, column, *cell)?;
            }
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    for (width, column) in [28, 36, 90, 18].into_iter().zip(0_u16..) {
        sheet.set_column_width(column, f64::from(width))?;
    }
    book.save(file)
}

/// The header and one row a column; the table's name stands in its first row.
fn rows(description: &Description) -> Vec<[&str; 4]> {
    let mut rows = vec![HEADER];
    for table in &description.tables {
        for (column, position) in table.columns.iter().zip(0..) {
            let name = if position == 0 { table.name.as_str() } else { "" };
            rows.push([
                name,
                &column.name,
                &column.description,
                column.fhir_type.sql_type(),
            ]);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_plain_text() {
        for (label, wanted) in [
            ("<div class=\"rich\"><p>1. <b>Drug</b></p></div>", "1. Drug"),
            ("eGFR<30 \"low\"", "eGFR<30 low"),
            ("a\n b&nbsp;c's", "a b cs"),
            ("open <b", "open <b"),
            ("a < b > c", "a < b > c"),
        ] {
            assert_eq!(plain(label), wanted, "{label}");
        }
    }
}
