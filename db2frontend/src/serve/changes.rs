//! Who changed what: kept in a file that only grows, shown for each form.
//!
//! A change is noted before the hub is written and again after; one that is noted once only was not stored, or the program
//! was ended just then. The values stand in it, so the file is readable by its owner only.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use maud::html;
use serde::{Deserialize, Serialize};
use web_pages::{Table, Visitor};

use super::answers::Changed;
use super::entry::{Place, Segments};
use super::layout;
use super::site::{Pages, User};
use crate::{Error, ErrorKind, Result};

const FILE: &str = "changes.ndjson";

/// The file.
pub(super) struct Changes {
    path: PathBuf,
    file: Mutex<File>,
}

/// One change of one form.
#[derive(Serialize, Deserialize)]
pub(super) struct Change {
    id: String,
    moment: String,
    user: String,
    record: String,
    form: String,
    instance: Option<u32>,
    values: Vec<ChangedValue>,
}

#[derive(Serialize, Deserialize)]
struct ChangedValue {
    column: String,
    before: String,
    after: String,
}

/// A line of the file.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Begun(Change),
    Stored(String),
}

impl Change {
    pub(super) fn new(
        user: &str,
        record: &str,
        form: &str,
        instance: Option<u32>,
        changed: &[Changed],
    ) -> Self {
        let now = jiff::Timestamp::now();
        let value = |changed: &Changed| ChangedValue {
            column: changed.column.clone(),
            before: changed.before.clone(),
            after: changed.after.clone(),
        };
        Self {
            id: format!("{}-{}", now.as_nanosecond(), std::process::id()),
            moment: now.to_string(),
            user: user.to_owned(),
            record: record.to_owned(),
            form: form.to_owned(),
            instance,
            values: changed.iter().map(value).collect(),
        }
    }
}

impl Changes {
    /// Opens the file in a folder; both are made where they are missing.
    pub(super) fn open(directory: &FilePath) -> Result<Self> {
        let path = directory.join(FILE);
        let failed = |e: std::io::Error| {
            Error::new(ErrorKind::RunDirectory, path.display().to_string()).with_source(e)
        };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
            builder.mode(0o700);
            options.mode(0o600);
        }
        builder.create(directory).map_err(failed)?;
        let file = options.open(&path).map_err(failed)?;
        Ok(Self {
            file: Mutex::new(file),
            path: path.clone(),
        })
    }

    /// A change is about to be stored.
    pub(super) fn begun(&self, change: &Change) -> Result<()> {
        self.append(&serde_json::json!({ "begun": change }))
    }

    /// It was stored.
    pub(super) fn stored(&self, change: &Change) -> Result<()> {
        self.append(&serde_json::json!({ "stored": change.id }))
    }

    fn append(&self, line: &serde_json::Value) -> Result<()> {
        let failed = |e: std::io::Error| Error::new(ErrorKind::RunDirectory, FILE.to_owned()).with_source(e);
        let text = format!("{line}\n");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(failed)
    }

    /// Changes of one form, the newest first, each with whether it was stored.
    fn of(&self, record: &str, form: &str, instance: Option<u32>) -> Result<Vec<(Change, bool)>> {
        let failed = |e: std::io::Error| Error::new(ErrorKind::RunDirectory, FILE.to_owned()).with_source(e);
        let (mut found, mut stored) = (Vec::new(), HashSet::new());
        for line in BufReader::new(File::open(&self.path).map_err(failed)?).split(b'\n') {
            // A line that a power cut left half is no line.
            match serde_json::from_slice(&line.map_err(failed)?) {
                Ok(Line::Begun(change)) => {
                    if change.record == record && change.form == form && change.instance == instance {
                        found.push(change);
                    }
                }
                Ok(Line::Stored(id)) => drop(stored.insert(id)),
                Err(_) => {}
            }
        }
        found.reverse();
        Ok(found
            .into_iter()
            .map(|change| {
                let kept = stored.contains(&change.id);
                (change, kept)
            })
            .collect())
    }
}

/// Who changed what in a form.
pub(super) async fn show(
    State(pages): State<Pages>,
    Visitor(session): Visitor<User>,
    Path(segments): Path<Segments>,
) -> Response {
    let place = match Place::find(&pages, segments).await {
        Ok(Some(place)) if !place.is_new => place,
        Ok(_) => return layout::missing(&pages, &session),
        Err(error) => return layout::failure(&pages, &session, &error),
    };
    let changes = match pages
        .changes
        .of(&place.record, &place.sheet.form.name, place.instance)
    {
        Ok(changes) => changes,
        Err(error) => return layout::failure(&pages, &session, &error),
    };
    let heads = ["When", "Who", "Question", "Before", "After", ""];
    let mut table = Table::new("Changes made on these pages, the newest first", &heads);
    for (change, stored) in &changes {
        let moment = change.moment.parse::<jiff::Timestamp>().ok();
        let wall = moment.map(|moment| {
            moment
                .in_tz(pages.hub.zone())
                .map(|moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
        });
        let wall = wall
            .and_then(std::result::Result::ok)
            .unwrap_or_else(|| change.moment.clone());
        for value in &change.values {
            let field = place
                .sheet
                .form
                .fields
                .iter()
                .find(|field| place.sheet.columns_of(field).contains(&value.column));
            let label = field.map_or_else(|| value.column.clone(), |field| layout::words(&field.label));
            table.push(vec![
                html! { (wall) },
                html! { (change.user) },
                html! { (label) },
                html! { (value.before) },
                html! { (value.after) },
                html! { @if !stored { "not known to be stored" } },
            ]);
        }
    }
    let label = layout::words(&place.sheet.form.label);
    let page = layout::page(&pages, &session, format!("Who changed what: {label}"))
        .below("Cases", "/")
        .below(format!("Record {}", place.record), format!("/record/{}", layout::segment(&place.record)))
        .below(label, place.path())
        .body(html! {
            @if table.is_empty() { p { "Nobody has changed this form on these pages." } } @else { (table.render()) }
        });
    page.into_response()
}
