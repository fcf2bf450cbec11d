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
    packed(parts.into_iter().map(|(name, text)| (name, text.into_bytes())))
}

/// Reads a workbook of these parts.
fn packed<'a>(parts: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Result<Description, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.xlsx");
    let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, bytes) in parts {
        zip.start_file(
            name,
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated),
        )
        .unwrap();
        zip.write_all(&bytes).unwrap();
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

#[test]
fn a_cell_without_a_value_is_a_fault_with_its_name() {
    let formula = "<c r=\"C4\"><f>A1&amp;A1</f></c>";
    let error = |at: &str, what: &str| format!("<c r=\"{at}\" t=\"e\"><v>{what}</v></c>");
    for (place, odd, wanted) in [
        (
            "C4",
            formula.to_owned(),
            "column COLUMN_NAME: expected a value in cell C4, not a formula without",
        ),
        (
            "C4",
            error("C4", "#NAME?"),
            "column COLUMN_NAME: expected a value in cell C4, not the error #NAME?",
        ),
        (
            "E4",
            error("E4", "#N/A"),
            "column FHIR_TYPE: expected a value in cell E4, not the error #N/A",
        ),
        (
            "D4",
            error("D4", "#REF!"),
            "column FHIR_EXPRESSION: expected a value in cell D4, not the error #REF!",
        ),
        (
            "B4",
            error("B4", "#DIV/0!"),
            "column RESOURCE: expected a value in cell B4, not the error #DIV/0!",
        ),
        (
            "D4",
            cell("D4", "#N/A"),
            "column FHIR_EXPRESSION: expected a value in cell D4, not the error #N/A",
        ),
    ] {
        let given = ["Res", "r_id", "id", "string "]
            .iter()
            .zip(["B4", "C4", "D4", "E4"])
            .find(|(_, at)| *at == place)
            .map(|(text, at)| cell(at, text))
            .unwrap();
        let wrong = rows().replace(&given, &odd);
        assert_ne!(wrong, rows());
        let error = read("", &wrong, "").unwrap_err().to_string();
        assert!(error.contains("row 4, ") && error.contains(wanted), "{error}");
    }
    // A formula with its value is a value, and an error elsewhere is nobody's business.
    let good = rows()
        .replace(
            &cell("C4", "r_id"),
            "<c r=\"C4\" t=\"str\"><f>A1</f><v>r_id</v></c>",
        )
        .replace(&cell("A1", "free text"), &error("A1", "#NAME?"));
    assert_eq!(read("", &good, "").unwrap().tables[0].columns[0].name, "r_id");
}

#[test]
fn what_nobody_sees_in_a_path_or_name_is_a_fault() {
    for (good, odd, wanted) in [
        ("<t>id</t>", "<t>id\u{200b}</t>", "not \"id\\u{200b}\""),
        ("<t>id</t>", "<t>\u{feff}id</t>", "not \"\\u{feff}id\""),
        (
            "<t>r_id</t>",
            "<t>r_id\u{200b}</t>",
            "column COLUMN_NAME: expected a name of letters",
        ),
        (
            "<t>r_id</t>",
            "<t>r id; DROP</t>",
            "column COLUMN_NAME: expected a name of letters",
        ),
        (
            "<t>Res</t>",
            "<t>../../x</t>",
            "column RESOURCE: expected a name of letters",
        ),
    ] {
        let error = read("", &rows().replace(good, odd), "").unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn a_small_file_that_unpacks_to_gigabytes_is_refused_early() {
    let begun = std::time::Instant::now();
    let zeros = vec![0; 48 << 20];
    let error = packed([("xl/media/image1.bin", zeros)]).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("when unpacked, in xl/media/image1.bin"), "{cause}");
    assert!(begun.elapsed().as_secs() < 60);
}

#[test]
fn counts_that_ask_for_more_than_there_is_are_refused() {
    for (name, text, wanted) in [
        (
            "xl/sharedStrings.xml",
            "<sst uniqueCount=\"4000000000\"><si/></sst>",
            "uniqueCount is larger",
        ),
        (
            "xl/sharedStrings.xml",
            "<sst uniqueCount = '99999999999999999999'/>",
            "uniqueCount is larger",
        ),
        (
            "xl/worksheets/sheet1.xml",
            "<c><f t=\"shared\" si=\"4000000000\">A1</f></c>",
            "shared formulas",
        ),
    ] {
        let error = packed([(name, text.as_bytes().to_vec())]).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(wanted), "{cause}");
    }
    let wide: Vec<u8> = "<sst uniqueCount=\"4000000000\"/>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(packed([("xl/sharedStrings.xml", wide)]).is_err());
}
