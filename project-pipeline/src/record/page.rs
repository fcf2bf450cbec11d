//! The page of a request: self-contained, without scripts, without anything from the data.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Job, JobRequest, Record, duration, stamp};
use crate::plan::{self, Plan, PlannedJob, Reason, escape};
use crate::store::{Layout, SafeDir};
use crate::{Error, Level, Result, pattern};

const STYLE: &str = include_str!("style.css");

/// Writes a file whole or not at all.
pub(crate) fn replace(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
    file.write_all(content.as_ref())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A whole HTML document.
pub(super) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// Writes the page of a request and gives its path.
pub(crate) fn write_request_page(layout: &Layout, record: &Record, id: &str) -> Result<PathBuf> {
    let folder = layout.pages();
    let requests = record.requests()?;
    let at = requests
        .iter()
        .position(|request| request.id == id)
        .unwrap_or_default();
    let path = folder.join(format!("{id}.html"));
    let Some(request) = requests.get(at) else {
        return Ok(path);
    };
    let jobs = record.jobs(id)?;
    let before = at.checked_sub(1).and_then(|at| requests.get(at));
    let mut body = String::new();
    head(&mut body, request, &jobs);
    jobs_table(&mut body, &jobs);
    graph(&mut body, request, &jobs);
    outputs_table(&mut body, &jobs);
    timeline(&mut body, request, &jobs);
    comparison(&mut body, record, request, before)?;
    project(&mut body, request);
    let text = document(
        &format!("{} – {}", request.requested_actions.join(", "), request.workspace),
        &body,
    );
    SafeDir::create(&folder, 0o700).map_err(|source| Error::write(&folder, source))?;
    replace(&path, text).map_err(|source| Error::write(&path, source))?;
    Ok(path)
}

/// How a request stands, from its jobs.
pub(super) fn standing(jobs: &[Job]) -> (&'static str, &'static str) {
    use crate::plan::State::{Failed, Succeeded};
    let all = |state| jobs.iter().all(|job| job.status.state() == state);
    if all(Succeeded) {
        ("succeeded", "Succeeded")
    } else if jobs.iter().any(|job| job.status.state().is_active()) {
        ("running", "Running")
    } else if jobs
        .iter()
        .any(|job| job.status.state() == Failed && !job.cancelled)
    {
        ("failed", "Failed")
    } else {
        ("failed", "Cancelled")
    }
}

fn head(out: &mut String, request: &JobRequest, jobs: &[Job]) {
    let (class, words) = standing(jobs);
    let or_none = |text: &Option<String>| {
        text.as_deref()
            .map_or("none".to_owned(), |text| format!("<code>{}</code>", escape(text)))
    };
    let end = jobs.iter().filter_map(|job| job.completed_at).max();
    let start = jobs.iter().filter_map(|job| job.started_at).min();
    let runtime = match (start, end) {
        (Some(start), Some(end)) => duration(end - start),
        _ => "none".to_owned(),
    };
    let _ = write!(
        out,
        "<p><a href=\"index.html\">Workspace {}</a></p>\n<h1>Request {} <span class=\"status {class}\">{words}</span></h1>\n<dl>\n",
        escape(&request.workspace),
        escape(&request.id)
    );
    for (name, value) in [
        ("Workspace", escape(&request.workspace)),
        (
            "Requested by",
            escape(if request.who.is_empty() {
                "unknown"
            } else {
                &request.who
            }),
        ),
        ("Repository", or_none(&request.repo)),
        ("Branch", or_none(&request.branch)),
        ("Commit", or_none(&request.commit)),
        (
            "Requested actions",
            request
                .requested_actions
                .iter()
                .map(|action| format!("<code>{}</code>", escape(action)))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        (
            "Force run dependencies",
            if request.force_run_dependencies {
                "Yes"
            } else {
                "No"
            }
            .to_owned(),
        ),
        (
            "Rerun stale outputs",
            if request.stale { "Yes" } else { "No" }.to_owned(),
        ),
        ("Created", format!("{} UTC", stamp(request.created_at))),
        ("Runtime", runtime),
        ("Isolation", isolation(request, jobs)),
    ] {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{value}</dd>");
    }
    out.push_str("</dl>\n");
}

/// How jobs were kept apart; where they differ, with the actions.
fn isolation(request: &JobRequest, jobs: &[Job]) -> String {
    let mut ways: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for job in jobs.iter().filter(|job| !job.isolation.is_empty()) {
        ways.entry(&job.isolation).or_default().push(&job.action);
    }
    match ways.len() {
        0 => escape(&request.isolation),
        1 => ways.keys().map(|way| escape(way)).collect(),
        _ => ways
            .iter()
            .map(|(way, actions)| format!("{} ({})", escape(way), escape(&actions.join(", "))))
            .collect::<Vec<_>>()
            .join("<br>"),
    }
}

fn jobs_table(out: &mut String, jobs: &[Job]) {
    out.push_str(
        "<h2>Jobs</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>Action</th><th>Status</th><th>Why</th><th>Runtime</th><th>Memory</th>\
         <th>Command</th></tr></thead>\n<tbody>\n",
    );
    for job in jobs {
        let runtime = match (job.started_at, job.completed_at) {
            (Some(start), Some(end)) => duration(end - start),
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "<tr><td><code>{}</code><br><span class=\"soft\">{}</span></td><td><span class=\"status {}\">{}</span><br>\
             <span class=\"soft\">{}</span></td><td>{}</td><td class=\"num\">{runtime}</td><td class=\"num\">{}</td><td><code>{}</code></td></tr>",
            escape(&job.action),
            job.id,
            job.status.state().name(),
            job.status,
            escape(&job.message),
            escape(&job.reason),
            megabytes(job.peak_memory),
            escape(&job.run),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn megabytes(bytes: u64) -> String {
    if bytes == 0 {
        "–".to_owned()
    } else {
        format!("{} MiB", bytes.div_ceil(1 << 20))
    }
}

fn graph(out: &mut String, request: &JobRequest, jobs: &[Job]) {
    let project = crate::check(&request.project).project;
    let mut plan = Plan::default();
    for job in jobs {
        plan.jobs.push(PlannedJob {
            action: job.action.clone(),
            reason: Reason::Requested,
            run: job.run.clone(),
            inputs_from: job.inputs_from.clone(),
            waits_for: job.waits_for.clone(),
        });
        for need in &job.inputs_from {
            if !jobs.iter().any(|job| job.action == *need)
                && !plan.kept.iter().any(|kept| kept.action == *need)
            {
                plan.kept.push(plan::Kept {
                    action: need.clone(),
                    because: plan::KeptBecause::Succeeded,
                });
            }
        }
    }
    let _ = write!(
        out,
        "<h2>Pipeline</h2>\n<div class=\"scroll\">{}</div>\n",
        plan::svg(&project, &plan)
    );
    out.push_str("<p class=\"soft\">Dashed: had run before. Red: makes highly sensitive files. Yellow: at most moderately sensitive ones.</p>\n");
}

fn outputs_table(out: &mut String, jobs: &[Job]) {
    if jobs
        .iter()
        .all(|job| job.outputs.is_empty() && job.excluded.is_empty())
    {
        out.push_str("<h2>Outputs</h2>\n<p>No job of this request has stored a file.</p>\n");
        return;
    }
    out.push_str("<h2>Outputs</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>File</th><th>Level</th><th>Action</th><th>Note</th></tr></thead>\n<tbody>\n");
    for job in jobs {
        let mut files: BTreeMap<&String, Level> =
            job.outputs.iter().map(|(path, level)| (path, *level)).collect();
        for path in job.excluded.keys() {
            let level = || {
                job.output_spec
                    .iter()
                    .filter(|(spec, _)| pattern::matches(spec, path))
                    .map(|(_, level)| *level)
                    .max()
            };
            files
                .entry(path)
                .or_insert_with(|| level().unwrap_or(Level::HighlySensitive));
        }
        for (path, level) in files {
            let note = job
                .excluded
                .get(path)
                .map_or(String::new(), |why| format!("held back: {}", escape(why)));
            let _ = writeln!(
                out,
                "<tr><td><code>{}</code></td><td><span class=\"level {level}\">{}</span></td><td>{}</td><td>{note}</td></tr>",
                escape(path),
                level.key().replace('_', " "),
                escape(&job.action),
            );
        }
    }
    out.push_str("</tbody></table></div>\n");
}

fn timeline(out: &mut String, request: &JobRequest, jobs: &[Job]) {
    let mut events = vec![(request.created_at, "request made".to_owned())];
    for job in jobs {
        let name = escape(&job.action);
        events.extend(
            job.started_at
                .map(|time| (time, format!("<code>{name}</code> started"))),
        );
        events.extend(
            job.completed_at
                .map(|time| (time, format!("<code>{name}</code> {}", job.status))),
        );
    }
    events.sort_by_key(|(time, _)| *time);
    out.push_str("<h2>Timeline (UTC)</h2>\n<ol class=\"time\">\n");
    for (time, what) in events {
        let _ = writeln!(out, "<li><time>{}</time><span>{what}</span></li>", stamp(time));
    }
    out.push_str("</ol>\n");
}

fn comparison(
    out: &mut String,
    record: &Record,
    request: &JobRequest,
    before: Option<&JobRequest>,
) -> Result<()> {
    out.push_str("<h2>Code comparison</h2>\n");
    let Some(before) = before else {
        out.push_str("<p>This is the first request of the workspace.</p>\n");
        return Ok(());
    };
    let _ = writeln!(
        out,
        "<p>Against the previous request <a href=\"{0}.html\">{0}</a>, commit {1}:</p>",
        before.id,
        before
            .commit
            .as_deref()
            .map_or("none".to_owned(), |commit| format!(
                "<code>{}</code>",
                escape(commit)
            ))
    );
    let (old, new) = (
        record.code(&before.code_digest)?,
        record.code(&request.code_digest)?,
    );
    let mut lines = Vec::new();
    for (path, digest) in &new {
        match old.get(path) {
            None => lines.push(format!("added {path}")),
            Some(other) if other != digest => lines.push(format!("changed {path}")),
            Some(_) => {}
        }
    }
    lines.extend(
        old.keys()
            .filter(|path| !new.contains_key(*path))
            .map(|path| format!("removed {path}")),
    );
    if lines.is_empty() {
        out.push_str("<p>The code is the same.</p>\n");
    } else {
        let _ = writeln!(out, "<pre>{}</pre>", escape(&lines.join("\n")));
    }
    Ok(())
}

/// The project file with each privacy level in its colour.
fn project(out: &mut String, request: &JobRequest) {
    out.push_str("<h2>project.yaml</h2>\n<pre>");
    for line in request.project.lines() {
        let level = Level::ALL
            .into_iter()
            .find(|level| line.trim_start().starts_with(level.key()));
        match level {
            Some(level) => {
                let indent = line.len() - line.trim_start().len();
                let (name, rest) = line[indent..].split_at(level.key().len());
                let _ = writeln!(
                    out,
                    "{}<span class=\"level {level}\">{name}</span>{}",
                    &line[..indent],
                    escape(rest)
                );
            }
            None => {
                let _ = writeln!(out, "{}", escape(line));
            }
        }
    }
    out.push_str("</pre>\n");
}
