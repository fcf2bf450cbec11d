//! Architecture invariant: SQL for the hub stands in `cds-hub`, and in `dataprocessor` and `db2frontend` for the tables that
//! clinicians see.
//!
//! Other crates ask `cds_hub::ask`. Whoever spells SQL for another database, or for files, says here for which.

use std::path::{Path, PathBuf};

/// Files that spell SQL, each with what it is for.
const OTHER_SQL: [(&str, &str); 10] = [
    ("cds-hub/src/", "the hub"),
    (
        "dataprocessor/src/",
        "views for clinicians, tables that a site declares",
    ),
    (
        "db2frontend/src/",
        "inboxes and views of the frontend, with its own role",
    ),
    (
        "work-dir/src/",
        "frames of a run: checks of a site and the shell of `work inspect`",
    ),
    ("file-journal/src/", "its own SQLite file"),
    ("project-pipeline/src/", "its own SQLite file"),
    ("table-description/src/typing/", "names the text form of COPY"),
    ("fixtures/src/", "made-up data"),
    ("benches/", "measures the database itself"),
    ("test-hub/src/", "makes and drops the databases of tests"),
];

/// How a statement begins, or a clause that only statements have.
const STATEMENTS: [&str; 13] = [
    "select_text(",
    "SELECT ",
    "INSERT INTO",
    "DELETE FROM",
    "UPDATE ",
    "CREATE TABLE",
    "CREATE VIEW",
    "COPY ",
    "TRUNCATE ",
    " FROM core.",
    " FROM cds2db_out.",
    "core.\\\"",
    "cds2db_out.",
];

/// The library that talks to the hub's server.
const CLIENT: &str = "sqlx";

#[test]
fn nothing_else_spells_sql() {
    let others = found(|line| STATEMENTS.iter().any(|statement| spells(line, statement)));
    assert!(
        others.is_empty(),
        "ask cds_hub::ask, or say what the SQL is for:\n{}",
        others.join("\n")
    );
}

#[test]
fn only_the_edges_know_the_client_library() {
    let others = found(|line| line.contains(CLIENT));
    assert!(others.is_empty(), "ask cds_hub::ask:\n{}", others.join("\n"));
}

/// Whether the text stands in a line, and not as the end of a longer name.
fn spells(line: &str, text: &str) -> bool {
    let mut before = line
        .match_indices(text)
        .map(|(at, _)| line[..at].chars().next_back());
    before.any(|c| c.is_none_or(|c| !c.is_alphanumeric() && c != '_'))
}

/// Lines of code elsewhere of which this holds.
fn found(is_sql: impl Fn(&str) -> bool) -> Vec<String> {
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
        let name = file.strip_prefix(root).expect("below").to_string_lossy();
        if OTHER_SQL.iter().any(|(known, _)| name.starts_with(known)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        others.extend(
            code.filter(|line| is_sql(line))
                .map(|line| format!("{name}: {}", line.trim())),
        );
    }
    others
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
