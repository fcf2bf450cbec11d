//! The page of a workspace: all its requests, and what lies in its stores.

use std::fmt::Write;
use std::path::PathBuf;

use super::page::{document, replace, standing};
use super::{Record, duration, stamp};
use crate::plan::escape;
use crate::store::{Layout, SafeDir};
use crate::{Error, Level, Result};

/// Writes the page of a workspace and gives its path.
pub(crate) fn write_workspace_page(layout: &Layout, record: &Record) -> Result<PathBuf> {
    let requests = record.requests()?;
    let name = requests.last().map_or("", |request| request.workspace.as_str());
    let mut out = format!(
        "<h1>Workspace {}</h1>\n<p>{} requests</p>\n<h2>Requests</h2>\n",
        escape(name),
        requests.len()
    );
    out.push_str(
        "<div class=\"scroll\"><table>\n<thead><tr><th>Request</th><th>Status</th><th>Actions</th><th>By</th><th>Created (UTC)</th>\
         <th>Runtime</th><th>Jobs</th></tr></thead>\n<tbody>\n",
    );
    for request in requests.iter().rev() {
        let jobs = record.jobs(&request.id)?;
        let (class, words) = standing(&jobs);
        let start = jobs.iter().filter_map(|job| job.started_at).min();
        let end = jobs.iter().filter_map(|job| job.completed_at).max();
        let runtime = start
            .zip(end)
            .map_or("–".to_owned(), |(start, end)| duration(end - start));
        let _ = writeln!(
            out,
            "<tr><td><a href=\"{0}.html\"><code>{0}</code></a></td><td><span class=\"status {class}\">{words}</span></td><td>{1}</td>\
             <td>{2}</td><td>{3}</td><td class=\"num\">{runtime}</td><td class=\"num\">{4}</td></tr>",
            request.id,
            escape(&request.requested_actions.join(", ")),
            escape(&request.who),
            stamp(request.created_at),
            jobs.len(),
        );
    }
    out.push_str("</tbody></table></div>\n");
    files(&mut out, record)?;
    let folder = layout.pages();
    let path = folder.join("index.html");
    SafeDir::create(&folder, 0o700).map_err(|source| Error::write(&folder, source))?;
    replace(&path, document(&format!("Workspace {name}"), &out))
        .map_err(|source| Error::write(&path, source))?;
    Ok(path)
}

fn files(out: &mut String, record: &Record) -> Result<()> {
    let rows = record.outputs()?;
    out.push_str(
        "<h2>Files</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>File</th><th>Level</th><th>Action</th><th>Bytes</th><th>Stored (UTC)</th>\
         <th>Note</th></tr></thead>\n<tbody>\n",
    );
    for row in rows.iter().filter(|row| !row.overwritten) {
        let level = rows
            .iter()
            .filter(|other| other.path == row.path)
            .map(|other| other.level)
            .max();
        let level = level.unwrap_or(Level::HighlySensitive);
        let note = match (&row.held, row.small_cells) {
            (Some(why), _) => format!("held back: {}", escape(why)),
            (None, 0) => String::new(),
            (None, 1) => "1 small cell".to_owned(),
            (None, count) => format!("{count} small cells"),
        };
        let _ = writeln!(
            out,
            "<tr><td><code>{}</code></td><td><span class=\"level {level}\">{}</span></td><td>{}</td><td class=\"num\">{}</td><td>{}</td><td>{note}</td></tr>",
            escape(&row.path),
            level.key().replace('_', " "),
            escape(&row.action),
            row.size,
            stamp(row.timestamp),
        );
    }
    out.push_str("</tbody></table></div>\n");
    Ok(())
}
