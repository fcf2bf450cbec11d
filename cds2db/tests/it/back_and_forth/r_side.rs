//! The R side of a day: what it has to write, in files, and R that makes the modules' calls.

use std::path::Path;

use cds_hub::Hub;
use table_description::Description;

use super::sites::{FORMS, Two};
use crate::model::{ModelHub, Row};
use crate::select::select;

const PASSWORD: &str = "of a test";

/// Whether R and its packages are there; says loudly if not.
pub(super) fn is_there() -> bool {
    x_skipped::has_r("no site goes back to R")
}

/// How much of a day R does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    All,
    /// Of raw rows only those that changed, and all patients.
    Changed,
    RawOnly,
}

/// A table's typed rows of a day, each behind the content of its raw row.
pub(super) struct Lines {
    table: String,
    text: String,
}

/// What R makes of the rows of the model's day.
pub(super) fn lines_of(model: &ModelHub, description: &Description) -> Vec<Lines> {
    let of_table = |table: &table_description::TableDescription| {
        let mut text = String::new();
        for arrived in model.arrived.iter().filter(|a| a.table == table.name) {
            let cells = arrived.raw.iter().zip(&table.columns);
            let key: String = cells
                .filter_map(|(cell, c)| Some(format!("{}={}\u{1f}", c.name, cell.as_deref()?)))
                .collect();
            for row in model.typed_of(arrived) {
                text.push_str(&line(std::iter::once(Some(key.as_str())).chain(texts(row))));
            }
        }
        Lines {
            table: table.name.clone(),
            text,
        }
    };
    description.tables.iter().map(|t| of_table(t)).collect()
}

pub(super) struct RSide {
    host: String,
    port: String,
    name: String,
}

impl RSide {
    pub(super) async fn new(hub: &Hub) -> Self {
        for role in ["cds2db_user", "db2dataprocessor_user", "db2frontend_user"] {
            hub.set_password(role, PASSWORD).await.expect("a password");
        }
        let options = hub.pool().connect_options();
        Self {
            host: options.get_host().to_owned(),
            port: options.get_port().to_string(),
            name: options.get_database().unwrap_or_default().to_owned(),
        }
    }

    /// R works on a day; `untyped` is what it makes of the raw rows that may wait.
    pub(super) async fn day(&self, two: &Two, model: &ModelHub, day: u32, parts: Parts, untyped: &[Lines]) {
        let folder = tempfile::tempdir().expect("directory");
        let write = |name: String, head: String, text: String| {
            std::fs::write(folder.path().join(name), head + &text).expect("writes");
        };
        for table in &two.description.tables {
            let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            let head = line(names.iter().map(|n| Some(*n)));
            let wanted = model.arrived.iter().filter(|a| {
                a.table == table.name && (parts != Parts::Changed || a.is_changed || table.name == "patient")
            });
            let raw = wanted.map(|a| line(texts(&a.raw))).collect();
            write(format!("{}_raw.tsv", table.name), head.clone(), raw);
            let typed = untyped.iter().filter(|lines| lines.table == table.name);
            let typed = typed.map(|lines| lines.text.as_str()).collect();
            write(format!("{}.tsv", table.name), format!("raw\t{head}"), typed);
        }
        for (form, own) in FORMS {
            let columns = super::sites::form_columns(two, form, own).await;
            let names = columns.split(", ").map(|c| c.trim_end_matches("::text"));
            let shown = format!("SELECT {columns} FROM db2dataprocessor_out.v_{form}_last_import");
            let rows = select(&two.ours.hub, &shown).await;
            let rows = rows.iter().map(|row| line(texts(row))).collect();
            write(format!("{form}.tsv"), line(names.map(Some)), rows);
        }
        let tables: Vec<&str> = two.description.tables.iter().map(|t| t.name.as_str()).collect();
        let output = tokio::process::Command::new("Rscript")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/back_and_forth/r_side.R"))
            .env("HUB_HOST", &self.host)
            .env("HUB_PORT", &self.port)
            .env("HUB_NAME", &self.name)
            .env("HUB_PASSWORD", PASSWORD)
            .env("DAY", day.to_string())
            .env("DAY_FOLDER", folder.path())
            .env("DAY_TABLES", tables.join(" "))
            .env(
                "DAY_PARTS",
                if parts == Parts::RawOnly {
                    "raw"
                } else {
                    "raw typed forms"
                },
            )
            .output()
            .await
            .expect("R starts");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(
            output.status.success() && said.contains("day done"),
            "day {day}, {parts:?}: {said}"
        );
    }
}

fn texts(row: &Row) -> impl Iterator<Item = Option<&str>> {
    row.iter().map(Option::as_deref)
}

/// Cells between tabs, a dot behind the last.
fn line<'c>(cells: impl Iterator<Item = Option<&'c str>>) -> String {
    let mut text = String::new();
    for cell in cells {
        match cell {
            None => text.push_str("\\N"),
            Some(cell) => {
                let cell = cell.replace('\\', "\\\\").replace('\t', "\\t");
                text.push_str(&cell.replace('\n', "\\n").replace('\r', "\\r"));
            }
        }
        text.push('\t');
    }
    text + ".\n"
}
