//! Architecture invariant: nothing but `table_description::reference` splits a reference by `/`.
//!
//! The text behind the last slash is the id of somebody else in `Patient/p1/_history/2`. Whoever splits by slashes says here
//! what else it is that is split.

use std::path::{Path, PathBuf};

/// Files that split a text by `/`, each with what that text is.
const OTHER_TEXTS: [(&str, &str); 20] = [
    ("cds2db/src/run/execute.rs", "the server's address without log-in"),
    ("table-description/src/reference/", "the parser"),
    ("table-description/src/cells.rs", "paths of elements"),
    ("table-description/src/definition/expand.rs", "paths of elements"),
    ("table-description/src/element_path.rs", "paths of elements"),
    ("fhir-crack/src/layout/", "paths of elements"),
    ("fhir-crack/src/plan/", "paths of elements"),
    ("fhir-crack/src/outline", "paths of elements"),
    (
        "fhir-crack/src/search/",
        "URLs of the server's own links and requests",
    ),
    ("fhir-melt/src/", "paths of elements"),
    ("work-dir/src/profile/roles.rs", "paths of elements"),
    ("cds2db/src/config/", "base URLs"),
    ("cds2db/src/run/reach.rs", "base URLs"),
    ("cds-hub/src/", "URLs of databases, paths of files"),
    (
        "fixtures/src/",
        "the test server, which must not share the parser it tests",
    ),
    ("file-journal/src/", "paths of files"),
    ("project-pipeline/src/", "paths of files"),
    ("sql-on-fhir/src/", "canonical URLs"),
    ("benches/", "paths of elements"),
    ("cds2db/src/files/", "paths of files"),
];

/// Ways to split by a slash.
const SPLITS: [&str; 10] = [
    "split('/')",
    "split(\"/\")",
    "split_once('/')",
    "rsplit_once('/')",
    "splitn(",
    "rsplitn(",
    "rfind('/')",
    "rfind(\"/\")",
    "split_terminator('/')",
    "split_inclusive('/')",
];

#[test]
fn nothing_else_splits_a_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace");
    let mut files = Vec::new();
    for member in std::fs::read_dir(root).expect("the workspace").flatten() {
        let source = member.path().join("src");
        if source.is_dir() {
            sources(&source, &mut files);
        }
    }
    assert!(files.len() > 200, "sources are found");
    let mut others = Vec::new();
    for file in files {
        let name = file
            .strip_prefix(root)
            .expect("below")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&file).expect("a source");
        let splits = |line: &&str| SPLITS.iter().any(|split| line.contains(split)) && line.contains('/');
        let is_other = OTHER_TEXTS.iter().any(|(known, _)| name.starts_with(known));
        if !is_other
            && let Some(line) = text
                .lines()
                .find(|line| !line.trim_start().starts_with("//") && splits(line))
        {
            others.push(format!("{name}: {}", line.trim()));
        }
    }
    assert!(
        others.is_empty(),
        "read references with table_description::reference, or say what is split:\n{}",
        others.join("\n")
    );
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}
