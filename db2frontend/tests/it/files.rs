//! The exchange of files: CSV and workbooks, both ways.

use std::path::Path;
use std::process::Command;

use calamine::{Data, Reader as _, open_workbook_auto};
use db2frontend::export::export;
use db2frontend::files::{FileKind, Folder};
use db2frontend::frontend::Frontend;
use db2frontend::import::import;
use db2frontend::{Config, Dictionary};
use table_description::default_frontend;

use crate::kill::{configured, program};
use crate::project::dictionary;
use crate::server::TestHub;

fn open(dir: &Path, kind: Option<FileKind>) -> db2frontend::Result<Frontend> {
    let known = Dictionary::parse(dictionary().as_bytes(), Path::new("d.csv")).unwrap();
    let folder = Folder::open(dir, kind, &default_frontend(), Some(known))?;
    Ok(Frontend::Files(Box::new(folder)))
}

async fn send(t: &TestHub, dir: &Path, kind: FileKind) -> db2frontend::export::Exported {
    let mut frontend = open(dir, Some(kind)).unwrap();
    let done = export(&t.hub, &mut frontend, &Config::default()).await.unwrap();
    frontend.finish().unwrap();
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn files_bring_back_what_was_written() {
    for kind in [FileKind::Csv, FileKind::Excel] {
        let t = TestHub::with_patients(2).await;
        let folder = tempfile::tempdir().unwrap();
        let done = send(&t, folder.path(), kind).await;
        assert_eq!(
            (done.forms["patient"].new, done.forms["fall"].new),
            (2, 2),
            "{kind:?}"
        );
        let rows = "SELECT (SELECT count(*) FROM db2frontend_out.v_patient_fe) + (SELECT count(*) FROM db2frontend_out.v_fall_fe)";
        let frontend = open(folder.path(), None).unwrap();
        let done = import(&t.hub, &frontend, &Config::default()).await.unwrap();
        assert!(done.is_complete() && done.records == 2, "{kind:?}: {done:?}");
        assert_eq!(
            t.texts(rows).await,
            ["(4)"],
            "{kind:?}: every row is the hub's own"
        );
        t.process().await;
        let again = send(&t, folder.path(), kind).await;
        assert!(
            again.forms.values().all(|f| f.new == 0 && f.changed == 0),
            "{kind:?}: {again:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_csv_comes_into_the_hub_and_the_rule_holds() {
    let t = TestHub::with_patients(1).await;
    let folder = tempfile::tempdir().unwrap();
    send(&t, folder.path(), FileKind::Csv).await;
    import(&t.hub, &open(folder.path(), None).unwrap(), &Config::default())
        .await
        .unwrap();
    t.process().await;
    let file = folder.path().join("patient.csv");
    // As a spreadsheet in Germany stores it: semicolons and Windows-1252.
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("Family 1", "Müller")
        .replace(',', ";");
    let bytes: Vec<u8> = text
        .trim_start_matches('\u{feff}')
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    std::fs::write(&file, bytes).unwrap();
    import(&t.hub, &open(folder.path(), None).unwrap(), &Config::default())
        .await
        .unwrap();
    assert_eq!(
        t.texts("SELECT pat_name FROM db2frontend_out.v_patient_fe ORDER BY 1")
            .await,
        ["(\"Family 1\")", "(Müller)"]
    );
    t.process().await;
    let done = send(&t, folder.path(), FileKind::Csv).await;
    assert_eq!(done.conflicts.len(), 1, "{done:?}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("Family 1"));
}

/// Types of cells and lists of choices, whoever wrote the workbook; its sheets as XML.
fn assert_workbook(file: &Path) -> String {
    let mut book = open_workbook_auto(file).unwrap();
    let range = book.worksheet_range("fall").unwrap();
    let heads: Vec<String> = range
        .rows()
        .next()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    let cell = |name: &str| {
        let at = heads.iter().position(|head| head == name).unwrap();
        range.rows().nth(1).unwrap()[at].clone()
    };
    assert!(
        matches!(cell("fall_aufn_dat"), Data::DateTime(_)),
        "{:?}",
        cell("fall_aufn_dat")
    );
    assert!(matches!(cell("fall_id"), Data::String(_)));
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut sheets = String::new();
    for n in 0..archive.len() {
        let mut entry = archive.by_index(n).unwrap();
        if entry.name().unwrap().starts_with("xl/worksheets/") {
            std::io::Read::read_to_string(&mut entry, &mut sheets).unwrap();
        }
    }
    assert!(sheets.contains("<dataValidation "), "lists");
    sheets
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workbook_has_types_a_frozen_header_and_lists() {
    let t = TestHub::with_patients(1).await;
    let folder = tempfile::tempdir().unwrap();
    send(&t, folder.path(), FileKind::Excel).await;
    let sheets = assert_workbook(&folder.path().join("frontend.xlsx"));
    assert!(sheets.contains("state=\"frozen\""), "a frozen header");
}

/// A site's spreadsheet program opens the workbook and saves it: it has understood types and lists, and every row is still the
/// hub's own. What is frozen belongs to a window, and a conversion has none.
#[tokio::test(flavor = "multi_thread")]
async fn what_libreoffice_saves_is_what_it_opened() {
    let found = Command::new("soffice").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        x_skipped::skip!("LibreOffice is not installed, the workbook was not opened with it");
        return;
    }
    let t = TestHub::with_patients(2).await;
    let (folder, saved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    send(&t, folder.path(), FileKind::Excel).await;
    let file = folder.path().join("frontend.xlsx");
    let output = Command::new("soffice")
        .arg(format!(
            "-env:UserInstallation=file://{}/home",
            saved.path().display()
        ))
        .args(["--headless", "--norestore", "--convert-to", "xlsx", "--outdir"])
        .args([saved.path(), &file])
        .output()
        .unwrap();
    let again = saved.path().join("frontend.xlsx");
    assert!(again.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_workbook(&again);
    std::fs::copy(&again, &file).unwrap();
    let counts = "SELECT (SELECT count(*) FROM db2frontend_out.v_patient_fe) + (SELECT count(*) FROM db2frontend_out.v_fall_fe)";
    let frontend = open(folder.path(), None).unwrap();
    let done = import(&t.hub, &frontend, &Config::default()).await.unwrap();
    assert!(done.is_complete() && done.records == 2, "{done:?}");
    assert_eq!(t.texts(counts).await, ["(4)"], "every row is the hub's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_files_say_where() {
    let t = TestHub::with_patients(1).await;
    let folder = configured("http://127.0.0.1:1/api/", "T", "");
    let dir = folder.path().join("files");
    let run = |direction: &str| {
        let out = program(
            folder.path(),
            &t.url,
            &[direction, "--files", dir.to_str().unwrap()],
        )
        .output()
        .unwrap();
        (
            out.status.code(),
            String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap(),
        )
    };
    let (code, said) = run("export");
    assert_eq!(code, Some(0), "{said}");
    for (text, wanted) in [
        ("record_id,Marker\n1,x\n", "is no column of this form"),
        ("pat_id\nx\n", "record_id is missing"),
        (
            "record_id,pat_name\n1,a\n1,Marker\n",
            "line 3: this record and instance",
        ),
        ("record_id,pat_name\n,Marker\n", "line 2: record_id is empty"),
    ] {
        std::fs::write(dir.join("patient.csv"), text).unwrap();
        let (code, said) = run("import");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    std::fs::write(
        dir.join("patient.csv"),
        "record_id,pat_gebdat,patient_complete\n1,Marker,Complete\n",
    )
    .unwrap();
    let (code, said) = run("import");
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("patient, record 1, pat_gebdat: ") && !said.contains("Marker"),
        "{said}"
    );
}
