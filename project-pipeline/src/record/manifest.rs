use std::collections::BTreeMap;

use serde::Serialize;

use super::{JobRequest, OutputRow, Record};
use crate::store::Layout;
use crate::{Error, Level, Project, Result};

#[derive(Serialize)]
struct Manifest<'a> {
    workspace: &'a str,
    repo: Option<&'a str>,
    outputs: BTreeMap<&'a str, Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    level: Level,
    job_id: &'a str,
    job_request: &'a str,
    action: &'a str,
    user: &'a str,
    repo: Option<&'a str>,
    commit: Option<&'a str>,
    size: u64,
    /// Seconds since 1970.
    timestamp: f64,
    content_hash: &'a str,
    excluded: bool,
    message: Option<&'a str>,
    row_count: Option<u64>,
    col_count: Option<u64>,
    small_cells: u64,
    out_of_date_action: bool,
    out_of_date_output: bool,
}

/// Writes `metadata/manifest.json` anew: each stored file with where it came from.
pub(crate) fn write_manifest(layout: &Layout, record: &Record, project: Option<&Project>) -> Result<()> {
    let requests = record.requests()?;
    let by_id: BTreeMap<&str, &JobRequest> = requests
        .iter()
        .map(|request| (request.id.as_str(), request))
        .collect();
    let latest = requests.last();
    let rows = record.outputs()?;
    let mut outputs = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.overwritten) {
        outputs.insert(row.path.as_str(), entry(row, &rows, &by_id, project));
    }
    let manifest = Manifest {
        workspace: latest.map_or("", |request| &request.workspace),
        repo: latest.and_then(|request| request.repo.as_deref()),
        outputs,
    };
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
    let path = layout.manifest();
    super::page::replace(&path, &text).map_err(|source| Error::write(&path, source))
}

fn entry<'a>(
    row: &'a OutputRow,
    rows: &[OutputRow],
    requests: &BTreeMap<&str, &'a JobRequest>,
    project: Option<&Project>,
) -> Entry<'a> {
    let request = requests.get(row.request.as_str());
    let action = project.map(|project| project.action(&row.action));
    let level = rows
        .iter()
        .filter(|other| other.path == row.path)
        .map(|other| other.level)
        .max();
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 fit into 53 bits"
    )]
    let timestamp = row.timestamp as f64 / 1000.0;
    Entry {
        level: level.unwrap_or(row.level),
        job_id: &row.job,
        job_request: &row.request,
        action: &row.action,
        user: request.map_or("", |request| &request.who),
        repo: request.and_then(|request| request.repo.as_deref()),
        commit: request.and_then(|request| request.commit.as_deref()),
        size: row.size,
        timestamp,
        content_hash: &row.digest,
        excluded: row.held.is_some(),
        message: row.held.as_deref(),
        row_count: row.rows,
        col_count: row.columns,
        small_cells: row.small_cells,
        out_of_date_action: action.is_some_and(|action| action.is_none()),
        out_of_date_output: action
            .flatten()
            .is_some_and(|action| action.level_of(&row.path).is_none()),
    }
}
