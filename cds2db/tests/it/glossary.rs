//! The glossary and ARCHITECTURE.md name things that are there, and each word once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All code of a crate, without what stands behind `//`.
fn code(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&code(&path));
        } else if path.extension().is_some_and(|e| e == "rs" || e == "sql") {
            let file = std::fs::read_to_string(&path).expect("a source");
            let lines = file.lines().filter(|line| !line.trim_start().starts_with("//"));
            text.extend(lines.flat_map(|line| [line, "\n"]));
        }
    }
    text
}

/// What stands between back ticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Crates of the workspace by the name that code uses, with all their code.
fn crates() -> BTreeMap<String, String> {
    let folders = std::fs::read_dir(root()).expect("the workspace").flatten();
    // The Python package is no member: an interpreter links it.
    let sources = folders
        .map(|f| f.path())
        .filter(|path| path.join("src").is_dir() && !path.join("pyproject.toml").exists());
    let named = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.replace('-', "_");
        Some((name, code(&path.join("src"))))
    };
    sources.filter_map(named).collect()
}

/// Whether code defines or re-exports something of this name.
fn defines(code: &str, name: &str) -> bool {
    ["struct", "enum", "trait", "fn", "mod", "type", "const"]
        .iter()
        .any(|kind| {
            let text = format!("{kind} {name}");
            code.match_indices(&text).any(|(at, _)| {
                let end = code[at + text.len()..].chars().next();
                end.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            })
        })
}

#[test]
fn the_glossary_names_what_is_there_and_each_word_once() {
    let crates = crates();
    let hub = &crates["cds_hub"];
    let text = read("GLOSSARY.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| word"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 24, "two dozen nouns");
    let mut words = BTreeSet::new();
    for row in rows {
        let [word, meaning, place] = row[..] else {
            panic!("{row:?}");
        };
        assert!(words.insert(word), "{word} stands twice");
        assert!(meaning.ends_with('.'), "{word}: a sentence");
        for name in quoted(place) {
            if name.contains("::") {
                let (of, last) = (
                    name.split("::").next().unwrap_or_default(),
                    name.rsplit("::").next(),
                );
                let code = crates.get(of).unwrap_or_else(|| panic!("{word}: no crate {of}"));
                assert!(defines(code, last.unwrap_or_default()), "{word}: no {name}");
            } else if let Some(table) = name.strip_prefix("core.") {
                assert!(hub.contains(&format!("core.{table}")), "{word}: no {name}");
            } else if name.contains('/') {
                assert!(root().join(name).exists(), "{word}: no {name}");
            }
        }
    }
}

/// Every crate of ARCHITECTURE.md's code map is a member and the other way round; every noun that it names of a crate, every
/// file and every test is there.
#[test]
fn architecture_names_what_is_there() {
    let crates = crates();
    let text = read("ARCHITECTURE.md");
    let map: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("## Code map"))
        .take_while(|line| !line.starts_with("## A run"))
        .filter(|line| line.starts_with("| `"))
        .collect();
    let mut mapped = BTreeSet::new();
    for row in map {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let name = quoted(cells[0]).next().expect("a crate").replace('-', "_");
        let code = crates.get(&name).unwrap_or_else(|| panic!("no crate {name}"));
        for noun in quoted(cells[1]).filter(|n| n.chars().next().is_some_and(char::is_uppercase)) {
            assert!(defines(code, noun), "{name} has no {noun}");
        }
        mapped.insert(name);
    }
    assert_eq!(
        mapped,
        crates.keys().cloned().collect(),
        "the code map has every crate"
    );
    let files = quoted(&text).filter(|name| {
        let first = name.split('/').next().unwrap_or_default().replace('-', "_");
        name.contains('/') && crates.contains_key(&first)
    });
    for file in files {
        assert!(root().join(file).exists(), "ARCHITECTURE.md names {file}");
    }
}

/// Whether the tests that stand in tables of DESIGN.md are there: a function, a module, a file or a crate of the name.
#[test]
fn design_names_tests_that_are_there() {
    let mut code = String::new();
    let mut files = BTreeSet::new();
    let folders = std::fs::read_dir(root()).expect("the workspace").flatten();
    for folder in folders
        .map(|f| f.path())
        .filter(|f| f.join("Cargo.toml").exists())
    {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        files.insert(name.replace('-', "_"));
        for part in ["src", "tests"] {
            code.push_str(&self::code(&folder.join(part)));
            stems(&folder.join(part), &mut files);
        }
    }
    let defined = |kind: &str| -> BTreeSet<&str> {
        let behind = code.split(kind).skip(1);
        behind
            .filter_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_').next())
            .collect()
    };
    let (functions, modules) = (defined("fn "), defined("mod "));
    let is_there = |name: &str| {
        name.split("::")
            .all(|part| functions.contains(part) || modules.contains(part) || files.contains(part))
    };
    let text = read("DESIGN.md");
    let (mut named, mut missing) = (0, Vec::new());
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cell = row.trim_matches('|').rsplit(" | ").next().unwrap_or_default();
        let of_test = |name: &&str| {
            name.contains("::")
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c))
        };
        for name in quoted(cell).filter(of_test) {
            named += 1;
            if !is_there(name) {
                missing.push(name.to_owned());
            }
        }
        for file in quoted(cell).filter(|name| name.contains('/') && name.ends_with(".rs")) {
            named += 1;
            if !root().join(file).exists() {
                missing.push(file.to_owned());
            }
        }
    }
    assert!(named > 60, "only {named} tests are named");
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "DESIGN.md names tests that are not there"
    );
}

/// Names of the sources of a folder, without their endings, and of its folders.
fn stems(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        into.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        if path.is_dir() {
            stems(&path, into);
        }
    }
}
