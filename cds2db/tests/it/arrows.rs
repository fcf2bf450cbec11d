//! Architecture invariant: crates depend on each other only as ARCHITECTURE.md draws it.

use std::collections::BTreeSet;
use std::path::Path;

use toml_edit::Document;

/// Allowed dependencies of each crate on others of the workspace, apart from those of its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("table-description", &[]),
    ("site-config", &[]),
    ("command-line", &[]),
    ("monitoring", &[]),
    ("fhir-crack", &["table-description"]),
    ("fhir-melt", &["fhir-crack", "table-description"]),
    ("sql-on-fhir", &["fhir-crack", "table-description"]),
    (
        "cds-hub",
        &[
            "command-line",
            "fhir-crack",
            "fhir-melt",
            "monitoring",
            "site-config",
            "table-description",
            "web-pages",
        ],
    ),
    ("work-dir", &["table-description"]),
    ("project-pipeline", &["command-line"]),
    (
        "dataprocessor",
        &[
            "cds-hub",
            "command-line",
            "site-config",
            "table-description",
            "work-dir",
        ],
    ),
    (
        "db2frontend",
        &[
            "cds-hub",
            "command-line",
            "site-config",
            "table-description",
            "work-dir",
            "web-pages",
        ],
    ),
    (
        "cds2db",
        &[
            "cds-hub",
            "command-line",
            "dataprocessor",
            "fhir-crack",
            "fhir-melt",
            "file-journal",
            "fixtures",
            "monitoring",
            "site-config",
            "sql-on-fhir",
            "table-description",
            "work-dir",
        ],
    ),
    ("file-journal", &["command-line"]),
    ("web-pages", &[]),
    ("fixtures", &[]),
    (
        "benches",
        &[
            "cds-hub",
            "cds2db",
            "fhir-crack",
            "fhir-melt",
            "fixtures",
            "table-description",
        ],
    ),
    ("test-browser", &["x-skipped"]),
    ("test-hub", &["cds-hub"]),
    ("x-skipped", &[]),
];

fn manifest(path: &Path) -> Document<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Document::parse(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a crate lies in the workspace")
}

/// The tables of dependencies of a manifest, those for single targets too, but for those of tests.
fn dependencies(manifest: &Document<String>) -> BTreeSet<String> {
    let of = |table: &dyn toml_edit::TableLike| -> Vec<String> {
        ["dependencies", "build-dependencies"]
            .iter()
            .filter_map(|section| table.get(section)?.as_table_like())
            .flat_map(|table| table.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
            .collect()
    };
    let mut found: BTreeSet<String> = of(manifest.as_table()).into_iter().collect();
    let targets = manifest.get("target").and_then(|t| t.as_table_like());
    for (_, target) in targets.into_iter().flat_map(|t| t.iter()) {
        found.extend(target.as_table_like().map(of).unwrap_or_default());
    }
    found
}

#[test]
fn crates_depend_on_each_other_as_drawn_and_on_all_that_is_drawn() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for &(name, drawn) in ARROWS {
        let found = dependencies(&manifest(&root().join(name).join("Cargo.toml")));
        let found: BTreeSet<&str> = found
            .iter()
            .map(String::as_str)
            .filter(|d| ours.contains(d))
            .collect();
        assert_eq!(
            found,
            drawn.iter().copied().collect(),
            "{name}: see ARCHITECTURE.md"
        );
    }
}

#[test]
fn every_member_of_the_workspace_is_drawn() {
    let manifest = manifest(&root().join("Cargo.toml"));
    let members = manifest["workspace"]["members"].as_array().expect("members");
    let members: BTreeSet<&str> = members.iter().filter_map(|m| m.as_str()).collect();
    assert_eq!(members, ARROWS.iter().map(|(name, _)| *name).collect());
}

/// The cores take bytes and return values: without features they know no runtime, no HTTP, no SQL, no frames.
#[test]
fn the_cores_have_no_io_unless_asked_for() {
    for name in ["table-description", "fhir-crack", "fhir-melt"] {
        let manifest = manifest(&root().join(name).join("Cargo.toml"));
        let dependencies = manifest["dependencies"].as_table_like().expect("dependencies");
        for io in ["tokio", "reqwest", "hyper", "sqlx", "polars", "calamine"] {
            let optional =
                |item: &toml_edit::Item| item.get("optional").and_then(|o| o.as_bool()) == Some(true);
            assert!(
                dependencies.get(io).is_none_or(optional),
                "{name}: {io} must be optional"
            );
        }
        let default = manifest
            .get("features")
            .and_then(|f| f.get("default"))
            .and_then(|d| d.as_array());
        assert!(
            default.is_none_or(|d| d.is_empty()),
            "{name}: no feature by default"
        );
    }
}

/// What only a program needs is not there for those who embed its library.
#[test]
fn programs_leave_their_own_dependencies_out_of_their_libraries() {
    let only_programs = [
        "axum",
        "clap",
        "indicatif",
        "maud",
        "tikv-jemallocator",
        "tracing-subscriber",
        "fixtures",
        "dataprocessor",
        "sql-on-fhir",
        "web-pages",
    ];
    for name in ["cds2db", "cds-hub", "dataprocessor"] {
        let manifest = manifest(&root().join(name).join("Cargo.toml"));
        let dependencies = manifest["dependencies"].as_table_like().expect("dependencies");
        for (dependency, item) in dependencies.iter().filter(|(d, _)| only_programs.contains(d)) {
            assert_eq!(
                item.get("optional").and_then(|o| o.as_bool()),
                Some(true),
                "{name}: {dependency} belongs to the feature program"
            );
        }
        let default = manifest["features"]["default"]
            .as_array()
            .expect("default features");
        assert!(default.iter().any(|f| f.as_str() == Some("program")), "{name}");
    }
}
