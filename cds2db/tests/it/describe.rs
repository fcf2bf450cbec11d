//! `cds2db describe`, as a person uses it who adds a column.

use std::path::Path;
use std::process::Command;

/// Whether it ended well, its standard output and its standard error.
fn describe(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .current_dir(folder)
        .arg("describe")
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_column_is_added_checked_compared_and_expanded() {
    let folder = tempfile::tempdir().expect("directory");
    let (ok, out, err) = describe(folder.path(), &["init", "mine"]);
    assert!(ok && out.contains("19 files"), "{out}{err}");
    let (ok, _, err) = describe(folder.path(), &["init", "mine"]);
    assert!(
        !ok && err.contains("cannot be written"),
        "an existing file is kept: {err}"
    );

    let (ok, out, _) = describe(folder.path(), &["diff", "--exit-code", "default", "mine"]);
    assert!(ok && out == "no change\n", "{out}");
    let tables = folder.path().join("mine/tables.csv");
    let text = std::fs::read_to_string(&tables).expect("text");
    let added = text.replace(
        "\n,,birthDate,,date,\n",
        "\n,,birthDate,,date,\n,,photo/title,,,\n",
    );
    assert_ne!(text, added);
    std::fs::write(&tables, added).expect("writes");

    let (ok, out, _) = describe(folder.path(), &["check", "mine"]);
    assert!(
        ok && out.contains("patient: ") && out.contains(" 1 date") && out.contains("mine: no fault"),
        "{out}"
    );
    let (ok, out, _) = describe(folder.path(), &["diff", "default", "mine"]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "+ patient.pat_photo_title ← photo/title: string",
            "1 changes, 1 of which change content hashes: cds-hub migrate rebuilds them"
        ]
    );
    assert!(ok && !describe(folder.path(), &["diff", "--exit-code", "default", "mine"]).0);

    let (ok, out, err) = describe(folder.path(), &["expand", "mine", "-o", "out.xlsx"]);
    assert!(ok && out.contains("14 tables"), "{out}{err}");
    let (ok, out, _) = describe(folder.path(), &["diff", "mine", "out.xlsx"]);
    assert!(ok && out == "no change\n", "{out}");
}

#[test]
fn every_fault_of_a_definition_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("directory");
    let text = "RESOURCE,RESOURCE_PREFIX,FHIR_EXPRESSION,REFERENCE_TYPES,FHIR_TYPE\n\
                Patient,pat,id,,text\n,,a//b,,\n,,birthDate,,dat\n";
    std::fs::write(folder.path().join("mine.csv"), text).expect("writes");
    let (ok, out, err) = describe(folder.path(), &["check", "mine.csv"]);
    assert!(!ok && out.is_empty(), "{out}");
    for wanted in [
        "mine.csv has 3 fault(s)",
        "mine.csv, sheet \"mine\", row 2, column FHIR_TYPE: expected one of string, boolean",
        "mine.csv, sheet \"mine\", row 3, column FHIR_EXPRESSION: expected element names",
        "mine.csv, sheet \"mine\", row 4, column FHIR_TYPE: expected one of string, boolean",
    ] {
        assert!(err.contains(wanted), "{wanted} in {err}");
    }
    let (ok, _, err) = describe(folder.path(), &["check", "absent.xlsx"]);
    assert!(!ok && err.contains("cannot read absent.xlsx"), "{err}");
}
