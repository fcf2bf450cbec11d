//! Definitions and descriptions as files: the shipped workbooks, and small ones with one fault each.

use std::fs;

use table_description::{Definition, Description, MeltMode, default_description, diff};

use crate::shared;

/// The expansion of the shipped definition is the shipped description, cell by cell.
#[test]
fn shipped_definition_expands_to_shipped_description() {
    let Some(definition) =
        shared::file("description/csv/Table_Description_Definition__table_description_collapsed.csv")
    else {
        return;
    };
    let Some(expected) = shared::file("description/csv/Table_Description__table_description.csv") else {
        return;
    };
    let expanded = Definition::read(definition).unwrap().expand().unwrap();
    assert_eq!(
        compare(&expanded.to_csv(), &fs::read_to_string(expected).unwrap()),
        1319
    );
}

/// Compares from the header on, names the first difference, and gives how many rows have a column.
fn compare(ours: &str, expected: &str) -> usize {
    let records = |text: &str| -> Vec<Vec<String>> {
        // No cell below the header has a comma or a quote.
        text.lines()
            .skip(5)
            .map(|line| line.split(',').map(str::to_owned).collect())
            .collect()
    };
    let (ours, expected) = (records(ours), records(expected));
    let header = expected.first().unwrap().clone();
    for (number, (ours, expected)) in (6..).zip(ours.iter().zip(&expected)) {
        for (name, (ours, expected)) in header.iter().zip(ours.iter().zip(expected)) {
            assert_eq!(ours, expected, "row {number}, column {name}");
        }
        assert_eq!(ours.len(), expected.len(), "row {number}");
    }
    assert_eq!(ours.len(), expected.len(), "rows");
    ours.iter()
        .skip(1)
        .filter(|row| row.iter().any(|cell| !cell.is_empty()))
        .count()
}

#[cfg(feature = "xlsx")]
mod workbooks {
    use super::*;

    #[test]
    fn shipped_workbook_expands_to_shipped_workbook() {
        let Some(definition) = shared::file("description/Table_Description_Definition.xlsx") else {
            return;
        };
        let Some(expected) = shared::file("description/Table_Description.xlsx") else {
            return;
        };
        let expanded = Definition::read(definition).unwrap().expand().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.xlsx");
        expanded.write(&path).unwrap();
        let (ours, expected) = (rows(&path), rows(&expected));
        let header = expected
            .iter()
            .position(|row| row.first().is_some_and(|cell| cell == "RESOURCE"))
            .unwrap();
        assert_eq!(header, 5, "the header stands in row 6");
        let names = &expected[header];
        for (at, (ours, expected)) in ours.iter().zip(&expected).enumerate().skip(header) {
            for (column, name) in names.iter().enumerate() {
                assert_eq!(
                    ours.get(column),
                    expected.get(column),
                    "row {}, column {name}",
                    at + 1
                );
            }
        }
        assert_eq!(ours.len(), expected.len());
        let columns = ours
            .iter()
            .skip(header + 1)
            .filter(|row| row.iter().any(|cell| !cell.is_empty()));
        assert_eq!(columns.count(), 1319);
    }

    /// All rows from the first on, read without this crate.
    fn rows(path: &std::path::Path) -> Vec<Vec<String>> {
        use calamine::Reader;
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(path).unwrap();
        let range = book.worksheet_range("table_description").unwrap();
        let (first, _) = range.start().unwrap();
        assert_eq!(first, 0);
        range
            .rows()
            .map(|row| row.iter().map(ToString::to_string).collect())
            .collect()
    }

    #[test]
    fn every_shipped_workbook_reads_like_its_csv() {
        for (book, sheet, tables, columns) in [
            ("Table_Description", "table_description", 14, 1319),
            (
                "Table_Description_Definition",
                "table_description_collapsed",
                14,
                1319,
            ),
            ("Frontend_Table_Description", "frontend_table_description", 7, 305),
            ("Dataprocessor_Table_Description", "table_description", 2, 6),
            (
                "Dataprocessor_Submodules_Table_Description",
                "table_description",
                1,
                12,
            ),
        ] {
            let Some(workbook) = shared::file(&format!("description/{book}.xlsx")) else {
                return;
            };
            let Some(text) = shared::file(&format!("description/csv/{book}__{sheet}.csv")) else {
                return;
            };
            let (workbook, text) = (
                Description::read(workbook).unwrap(),
                Description::read(text).unwrap(),
            );
            assert_eq!(
                (workbook.tables.len(), workbook.column_count()),
                (tables, columns),
                "{book}"
            );
            assert_eq!(diff(&text, &workbook), [], "{book}");
            assert_eq!(workbook, text, "{book}");
        }
    }

    #[test]
    fn equal_descriptions_give_equal_workbooks_that_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.xlsx", "b.xlsx"].map(|name| folder.path().join(name));
        for path in &paths {
            default_description().write(path).unwrap();
        }
        let [a, b] = paths.map(|path| (fs::read(&path).unwrap(), Description::read(&path).unwrap()));
        assert!(a.0 == b.0);
        assert_eq!(a.1, default_description());
    }

    #[test]
    fn not_a_workbook_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        fs::write(&path, "not a zip").unwrap();
        assert!(Description::read(&path).is_err());
        assert!(Description::read(folder.path().join("absent.xlsx")).is_err());
    }
}

/// A definition of these files in a folder of its own.
fn definition(files: &[(&str, &str)]) -> Result<Description, table_description::Error> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    Definition::read(folder.path())?.expand()
}

const HEAD: &str = "RESOURCE,RESOURCE_PREFIX,FHIR_EXPRESSION,REFERENCE_TYPES,FHIR_TYPE,JOINED,MELT\n";

#[test]
fn faults_name_their_place_and_come_all_at_once() {
    let twelve = "0123456789ab";
    let long = format!("{HEAD}Res,r,{}\n", [twelve; 5].join("/"));
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            &[("main.csv", "a,b\n")],
            &["expected a sheet with the header RESOURCE, RESOURCE_PREFIX"],
        ),
        (
            &[(
                "main.csv",
                &format!("{HEAD}Res,r,a,,wrong\n,,b,,wrong2,perhaps\n,,c//d\n"),
            )],
            &[
                "sheet \"main\", row 2, column FHIR_TYPE: expected one of string, boolean",
                "sheet \"main\", row 3, column FHIR_TYPE: expected",
                "sheet \"main\", row 3, column JOINED: expected yes, no",
                "sheet \"main\", row 4, column FHIR_EXPRESSION: expected element names",
            ],
        ),
        (
            &[("main.csv", &format!("{HEAD},,a\n"))],
            &["row 2, column RESOURCE: expected a resource before"],
        ),
        (
            &[("main.csv", &format!("{HEAD}R,r,a,,,,sideways\n"))],
            &["row 2, column MELT: expected product, aligned"],
        ),
        (
            &[("main.csv", &format!("{HEAD}R,r,a\nPATTERN,REPLACEMENT\n(,x\n"))],
            &["row 4, column PATTERN: expected a regular expression"],
        ),
        (
            &[
                ("main.csv", &format!("{HEAD}R,r,x/A\n")),
                ("A.csv", "FHIR_EXPRESSION\nb/B\n"),
                ("B.csv", "FHIR_EXPRESSION\na/A\n"),
            ],
            &[
                "row 2, column FHIR_EXPRESSION: expected sheets that do not contain themselves; this row leads to A → B → A",
            ],
        ),
        (
            &[("main.csv", &long)],
            &["row 2, column FHIR_EXPRESSION: expected a name of at most 63 bytes"],
        ),
        (
            &[("main.csv", &format!("{HEAD}R,r,a/b\n,,a_b\nS,s,c\n,,c\n"))],
            &[
                "row 3, column FHIR_EXPRESSION: expected each name once in r;",
                "row 5, column FHIR_EXPRESSION: expected each name once in s;",
            ],
        ),
        (
            &[("main.csv", &format!("{HEAD}R,r,a\nR,r,b\n"))],
            &["row 3, column RESOURCE: expected each resource once"],
        ),
    ];
    for (files, expected) in cases {
        let error = definition(files).unwrap_err();
        let faults: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, expected) in faults.iter().zip(*expected) {
            assert!(fault.contains(expected), "{fault} should say {expected}");
        }
    }
}

#[test]
fn explosive_definitions_end_with_a_fault() {
    let mut files = vec![("main.csv".to_owned(), format!("{HEAD}R,r,S0\n"))];
    for level in 0..40 {
        let next = level + 1;
        files.push((
            format!("S{level}.csv"),
            format!("FHIR_EXPRESSION\na/S{next}\nb/S{next}\n"),
        ));
    }
    files.push(("S40.csv".to_owned(), "FHIR_EXPRESSION\n".to_owned()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert_eq!(definition(&files).unwrap_err().faults().len(), 1);
}

#[test]
fn reference_types_go_to_the_first_column_and_types_come_from_the_sheet() {
    let description = definition(&[
        (
            "main.csv",
            &format!("{HEAD}Res,r,Id\n,,to/Ref,\"Other, Third\",integer\nOther,o,id\nplain,,word\n"),
        ),
        (
            "Id.csv",
            "FHIR_EXPRESSION,FHIR_TYPE\nid,\nmeta/lastUpdated,datetime\n",
        ),
        ("Ref.csv", "free text above\nFHIR_EXPRESSION,FHIR_TYPE\n"),
    ])
    .unwrap();
    // `Ref` has text above its header, so it is no sheet of paths and `to/Ref` stays a path.
    let table = description.table("res").unwrap();
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["r_id", "r_meta_lastupdated", "r_to_ref"]);
    assert_eq!(table.columns[2].reference_targets, ["Other", "Third"]);
    assert!(description.table("plain").unwrap().resource.is_none());
    assert_eq!(description.table("plain").unwrap().columns[0].name, "word");
    let remarks: Vec<String> = description
        .report()
        .remarks
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        remarks,
        [
            "res.r_to_ref: the path ends like the name of a sheet, but there is none",
            "res.r_to_ref: refers to a resource type that has no table"
        ]
    );
}

#[test]
fn joined_and_melt_survive_expansion_and_writing() {
    let description = definition(&[
        ("main.csv", &format!("{HEAD}A,a,id,,,,aligned\n,,name/given,,,no\n,,line,,,yes\nB,b,id,,,,only x/y z\nC,c,id,,,,child\nD,d,id\n")),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    description.write(folder.path().join("out")).unwrap();
    let read = Description::read(folder.path().join("out")).unwrap();
    assert_eq!(diff(&description, &read), []);
    assert_eq!(read.tables[0].melt, MeltMode::Aligned);
    assert_eq!(read.tables[1].melt, description.tables[1].melt);
    assert_eq!(read.tables[3].melt, MeltMode::Product);
    assert!(!read.tables[0].columns[1].joined && read.tables[0].columns[2].joined);
}

#[test]
fn prefix_that_the_names_do_not_show_survives_writing() {
    let description = definition(&[(
        "main.csv",
        &format!("{HEAD}A,long_prefix,id\n,,b\nB,b,id\nC,,id\nPATTERN,REPLACEMENT\n^b_id$,key\n"),
    )])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    description.write(folder.path()).unwrap();
    assert_eq!(Description::read(folder.path()).unwrap(), description);
}

#[test]
fn our_description_reads_back_from_csv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.csv");
    default_description().write(&path).unwrap();
    assert_eq!(Description::read(&path).unwrap(), default_description());
}

#[test]
fn changes_are_named() {
    let old = definition(&[(
        "m.csv",
        &format!("{HEAD}A,a,id\n,,b,,integer\n,,c/d\n,,gone\n,,r,A\nOld,o,id\n"),
    )])
    .unwrap();
    let new = definition(&[(
        "m.csv",
        &format!(
            "{HEAD}A,a,id\n,,b,,decimal\n,,c_d\n,,meta/new\n,,r,B\nNew,n,id\nPATTERN,REPLACEMENT\n^a_r$,a_s\n"
        ),
    )])
    .unwrap();
    let changes = diff(&old, &new);
    let lines: Vec<(String, bool)> = changes
        .iter()
        .map(|change| (change.to_string(), change.changes_hash()))
        .collect();
    let expected = [
        ("  a.a_b: type integer → decimal", true),
        ("  a.a_c_d: path c/d → c_d", true),
        ("+ a.a_meta_new ← meta/new: string", false),
        ("  a.a_s: renamed from a_r", false),
        ("  a.a_s: references to [A] → [B]", false),
        ("- a.a_gone ← gone: string", true),
        ("+ new (1 columns)", false),
        ("- old (1 columns)", false),
    ];
    assert_eq!(lines, expected.map(|(line, hash)| (line.to_owned(), hash)));
    assert_eq!(diff(&new, &new), []);
}

#[test]
fn a_file_without_a_header_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    for (text, expected) in [
        (
            "x,y\n",
            "sheet \"a\": expected a row with RESOURCE and COLUMN_NAME",
        ),
        (
            "RESOURCE,COLUMN_NAME\nA,a\n",
            "row 1: expected a column FHIR_EXPRESSION in the header",
        ),
        (
            "TABLE_NAME,COLUMN_NAME,COLUMN_TYPE\nt,c,json\n",
            "row 2, column COLUMN_TYPE: expected one of varchar",
        ),
        (
            "TABLE_NAME,COLUMN_NAME,COLUMN_TYPE\n,c,int\n",
            "row 2, column TABLE_NAME: expected a table before",
        ),
        (
            "TABLE_NAME,COLUMN_NAME,COLUMN_TYPE\nt,c,int\n,c,int\n",
            "row 3, column COLUMN_NAME: expected each name once",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let error = Description::read(&path).unwrap_err();
        assert!(error.faults()[0].to_string().contains(expected), "{error}");
    }
}

/// A description that has the columns' names and the prefixes, and the resource in every row, is no definition.
#[test]
fn description_of_the_flattening_task_reads_as_a_description() {
    let Some(path) = shared::file("tasks/one-row-a-coding/description.csv") else {
        return;
    };
    let tables = Description::read(path).unwrap().tables;
    let counts: Vec<_> = tables
        .iter()
        .map(|t| (t.name.as_str(), t.columns.len()))
        .collect();
    assert_eq!(
        counts,
        [("observation", 13), ("encounter", 10), ("condition", 10)]
    );
}
