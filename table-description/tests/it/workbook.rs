//! Workbooks as other programs write them, and broken ones.

use std::{fs, io::Write as _};

use table_description::{Description, Error};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// A workbook of one sheet; `before` and `after` stand round the rows.
fn read(before: &str, rows: &str, after: &str) -> Result<Description, Error> {
    let parts = [
        (
            "[Content_Types].xml",
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>".to_owned(),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
                 <Relationship Id=\"r1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\">\
                 <sheets><sheet name=\"s\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
                 <Relationship Id=\"r1\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/_rels/sheet1.xml.rels",
            format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
                 <Relationship Id=\"r1\" Type=\"{RELATIONS}/drawing\" Target=\"../drawings/absent.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!(
                "<worksheet xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\">{before}<sheetData>{rows}</sheetData>{after}</worksheet>"
            ),
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.xlsx");
    let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, text) in parts {
        zip.start_file(
            name,
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
        )
        .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    Description::read(&path)
}

fn cell(reference: &str, text: &str) -> String {
    format!("<c r=\"{reference}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// Header and one column, the header below a line of text.
fn rows() -> String {
    let header = ["RESOURCE", "COLUMN_NAME", "FHIR_EXPRESSION", "FHIR_TYPE"];
    let header: String = ["B3", "C3", "D3", "E3"]
        .iter()
        .zip(header)
        .map(|(at, text)| cell(at, text))
        .collect();
    let column: String = ["B4", "C4", "D4", "E4"]
        .iter()
        .zip(["Res", "r_id", "id", "string "])
        .map(|(at, text)| cell(at, text))
        .collect();
    format!(
        "<row r=\"1\">{}</row><row r=\"3\">{header}</row><row r=\"4\">{column}</row>",
        cell("A1", "free text")
    )
}

#[test]
fn stored_sizes_and_missing_drawings_do_not_matter() {
    for (before, after) in [
        ("", ""),
        ("<dimension ref=\"A1:A1\"/>", ""),
        ("<dimension ref=\"A1:XFD1048576\"/>", ""),
        ("", "<drawing r:id=\"r1\"/>"),
    ] {
        let description = read(before, &rows(), after).unwrap();
        assert_eq!(description.tables[0].columns[0].name, "r_id", "{before}{after}");
    }
}

#[test]
fn far_away_cells_cost_nothing() {
    let far = format!("{}<row r=\"1048576\">{}</row>", rows(), cell("XFD1048576", "far"));
    assert_eq!(read("", &far, "").unwrap().column_count(), 1);
}

/// Found by the fuzz target: calamine multiplies past 32 bits.
#[test]
fn cell_reference_beyond_any_sheet_is_an_error_or_ignored() {
    let odd = format!(
        "{}<row r=\"5\">{}</row>",
        rows(),
        cell("ZZZZZZZZZZ99999999999999", "odd")
    );
    if let Ok(description) = read("", &odd, "") {
        assert_eq!(description.column_count(), 1);
    }
}

#[test]
fn faults_show_the_rows_of_the_sheet() {
    let wrong = rows().replace("string ", "text");
    let error = read("", &wrong, "").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("sheet \"s\", row 4, column FHIR_TYPE: expected one of"),
        "{error}"
    );
}
