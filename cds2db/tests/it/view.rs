//! `cds2db view` over files and servers in which something cannot be read: everything else is in the tables, and it is said.

use std::path::Path;
use std::process::{Command, Output};

use fixtures::hospital::Hospital;
use fixtures::server::{Server, ServerOptions};

use crate::wire::Wire;

fn view(out: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cds2db"))
        .args(["view", "--view", "patient", "--out"])
        .arg(out)
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// The ids of the patients in the table.
fn patients(out: &Path) -> Vec<String> {
    let tables = std::fs::read_dir(out).expect("a folder");
    let tables: Vec<_> = tables.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(tables.len(), 1, "one table and nothing else: {tables:?}");
    let text = std::fs::read_to_string(&tables[0]).expect("a table");
    let ids = text.lines().skip(1).filter_map(|line| line.split(',').next());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[test]
fn a_file_that_cannot_be_opened_stops_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    std::os::unix::fs::symlink("gone.ndjson", files.join("b.ndjson")).expect("a link");
    let line = |id: &str| format!("{{\"resourceType\":\"Patient\",\"id\":\"{id}\"}}\n");
    std::fs::write(files.join("a.ndjson"), line("a")).expect("writes");
    let broken = "{\"resourceType\":\"Patient\",\"id\":\"MARKER\",]}\n";
    let last = [&line("c"), broken, broken, &line("d")]
        .map(String::from)
        .concat();
    std::fs::write(files.join("c.ndjson"), last).expect("writes");
    let out = folder.path().join("out");
    let said = view(&out, &[files.to_str().expect("UTF-8")]);
    let text = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert_eq!(patients(&out), ["a", "c", "d"]);
    assert!(
        text.contains("b.ndjson") && text.contains("2 resources could not be cracked"),
        "{text}"
    );
    assert!(text.contains("2 of 3 inputs"), "{text}");
    assert!(!text.contains("MARKER"), "{text}");

    let gone = files.join("b.ndjson");
    let said = view(&folder.path().join("none"), &[gone.to_str().expect("UTF-8")]);
    assert_eq!(said.status.code(), Some(1), "one that is named has to be there");
}

#[test]
fn an_answer_with_something_unreadable_stops_no_other() {
    let server = Server::start(Hospital::new(5, 30), ServerOptions::default()).expect("a server");
    // A value that no reader can read, in the first patient of each answer.
    let wire = Wire::start(server.address(), |_, answer| {
        let text = answer.text();
        let birth = "\"birthDate\":\"";
        match text.find(birth) {
            Some(at) if text.contains("\"resourceType\":\"Patient\"") => {
                let mut spoiled = text.clone();
                spoiled.insert_str(at + birth.len() - 1, "MARKER");
                answer.with(spoiled)
            }
            _ => answer,
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    let (base, spoiling) = (server.base_url(), wire.base());
    assert!(view(&whole, &["--server", base]).status.success());
    let whole = patients(&whole);
    for (name, more) in [("searched", &[][..]), ("exported", &["--export"])] {
        let out = folder.path().join(name);
        let arguments = [&["--server", &spoiling], more].concat();
        let said = view(&out, &arguments);
        let text = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(1), "{name}: {text}");
        let read = patients(&out);
        assert!(
            read.len() < whole.len() && read.len() + 5 > whole.len(),
            "{name}: {} of {}",
            read.len(),
            whole.len()
        );
        assert!(text.contains("could not be read whole"), "{name}: {text}");
        let told = String::from_utf8_lossy(&said.stdout);
        assert!(
            !told.contains("complete") && !text.contains("MARKER"),
            "{name}: {told} {text}"
        );
    }
}
