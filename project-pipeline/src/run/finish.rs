//! From a job's folder into the stores and the record.

use std::collections::BTreeMap;
use std::path::Path;

use crate::record::{Job, OutputRow, Record, now};
use crate::store::disclosure::Rules;
use crate::store::{
    Collected, Effective, Layout, SafeDir, Staged, note, publish, stage, withdraw, withdraw_from_level4,
};
use crate::{Error, Level, Project, Result};

/// Copies and checks everything that was collected; what is no output any more moves to the refused.
pub(super) fn stage_all(
    layout: &Layout,
    folder: &Path,
    collected: &mut Collected,
    job: &str,
    rules: &Rules,
) -> std::io::Result<Vec<Staged>> {
    let area = SafeDir::open(folder)?;
    let mut staged = Vec::new();
    for (number, (path, level)) in collected.files.clone().into_iter().enumerate() {
        match stage(
            &area,
            &path,
            level,
            &layout.staging(),
            format!("{job}-{number}"),
            rules,
        )? {
            Ok(file) => staged.push(file),
            Err(why) => {
                collected.files.remove(&path);
                collected.refused.insert(path, (level, why));
            }
        }
    }
    Ok(staged)
}

/// Stores a job's files, withdraws what its action no longer makes, and writes all of it into the record.
pub(super) fn store(
    layout: &Layout,
    record: &Record,
    project: &Project,
    job: &mut Job,
    staged: &[Staged],
    collected: &Collected,
) -> Result<()> {
    let io = |source| Error::write(&layout.level3(), source);
    let before = record.outputs()?;
    for file in staged {
        let others = before
            .iter()
            .filter(|row| row.path == file.path && row.action != job.action);
        let protected = others
            .max_by_key(|row| row.level)
            .filter(|row| row.level > file.level);
        let mut held = file.finding.held.clone();
        if held.is_none()
            && file.level == Level::ModeratelySensitive
            && let Some(row) = protected
        {
            held = Some(format!("{} makes it {}", row.action, row.level));
        }
        let level = protected.map_or(file.level, |row| row.level);
        let note = held.as_ref().map(|_| note_path(&file.path, project));
        forget_note(layout, &before, &file.path, &job.action, note.as_deref()).map_err(io)?;
        publish(
            layout,
            file,
            &Effective {
                level,
                held: held.clone(),
                note: note.clone(),
            },
        )
        .map_err(io)?;
        if let Some(why) = &held {
            job.excluded.insert(file.path.clone(), why.clone());
        }
        job.outputs.insert(file.path.clone(), level);
        job.output_digests.insert(file.path.clone(), file.digest.clone());
        record.put_output(&OutputRow {
            path: file.path.clone(),
            action: job.action.clone(),
            level: file.level,
            job: job.id.clone(),
            request: job.request.clone(),
            size: file.size,
            timestamp: now(),
            digest: file.digest.clone(),
            held,
            note,
            rows: file.finding.rows,
            columns: file.finding.columns,
            small_cells: file.finding.small_cells,
            overwritten: false,
        })?;
    }
    withdraw_old(layout, record, job, &before).map_err(|error| match error {
        Withdrawn::Io(source) => io(source),
        Withdrawn::Record(error) => error,
    })?;
    refuse(layout, project, job, &collected.refused).map_err(io)
}

/// Notes on files that are in no store.
fn refuse(
    layout: &Layout,
    project: &Project,
    job: &mut Job,
    refused: &BTreeMap<String, (Level, String)>,
) -> std::io::Result<()> {
    for (path, (level, why)) in refused {
        job.excluded.insert(path.clone(), why.clone());
        if *level == Level::ModeratelySensitive && !path.chars().any(char::is_control) {
            note(layout, path, &note_path(path, project), why)?;
        }
    }
    Ok(())
}

enum Withdrawn {
    Io(std::io::Error),
    Record(Error),
}

/// Removes what the action made before and does not make now, unless another action makes it too.
fn withdraw_old(
    layout: &Layout,
    record: &Record,
    job: &Job,
    before: &[OutputRow],
) -> std::result::Result<(), Withdrawn> {
    let gone = before
        .iter()
        .filter(|row| row.action == job.action && !job.outputs.contains_key(&row.path));
    for row in gone {
        let shared = before
            .iter()
            .any(|other| other.path == row.path && other.action != job.action);
        if !shared {
            withdraw(layout, &row.path, row.note.as_deref()).map_err(Withdrawn::Io)?;
        }
        record
            .remove_output(&row.path, &job.action)
            .map_err(Withdrawn::Record)?;
    }
    Ok(())
}

/// Removes the note of an earlier job that is no longer true.
fn forget_note(
    layout: &Layout,
    before: &[OutputRow],
    path: &str,
    action: &str,
    now: Option<&str>,
) -> std::io::Result<()> {
    let old = before
        .iter()
        .find(|row| row.path == path && row.action == action)
        .and_then(|row| row.note.as_deref());
    match old {
        Some(old) if now != Some(old) => withdraw_from_level4(layout, old),
        _ => Ok(()),
    }
}

/// `NAME.txt`, or another name where an action makes that.
fn note_path(path: &str, project: &Project) -> String {
    let usual = format!("{path}.txt");
    if project.is_output(&usual) {
        format!("{path}.held-back.txt")
    } else {
        usual
    }
}
