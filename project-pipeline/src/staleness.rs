//! Which outputs no longer fit their code, command or inputs.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::plan::State;
use crate::record::{Job, Record};
use crate::store::Layout;
use crate::{Action, Error, Project, Result, run, words};

/// Actions that ran well but whose outputs are stale, with the reason: a changed command, changed code files, changed inputs, an
/// output that another action wrote over, or a need that is stale itself.
///
/// Code counts as changed for an action if a file that its command names changed, or any file where it names none.
///
/// # Errors
/// If the record or the code cannot be read.
pub fn stale(
    project: &Project,
    record: &Record,
    layout: &Layout,
    project_dir: &Path,
) -> Result<BTreeMap<String, String>> {
    let (_, code) = run::code_of(project_dir, project, layout.root())
        .map_err(|source| Error::read(project_dir, source))?;
    let last = record.last_jobs()?;
    let rows: Vec<_> = record
        .outputs()?
        .into_iter()
        .filter(|row| !row.overwritten)
        .collect();
    let present: HashMap<String, String> = rows
        .iter()
        .map(|row| (row.path.clone(), row.digest.clone()))
        .collect();
    let owners: HashMap<String, String> = rows.into_iter().map(|row| (row.path, row.action)).collect();
    let mut stale = BTreeMap::new();
    for action in ordered(project) {
        let Some(job) = last
            .get(&action.name)
            .filter(|job| job.status.state() == State::Succeeded)
        else {
            continue;
        };
        let before = record.code(&job.code_digest)?;
        let why = command(project, action, job)
            .or_else(|| changed_code(action, &before, &code))
            .or_else(|| inputs(action, job, &last, &present))
            .or_else(|| overwritten(project, job, &present, &owners))
            .or_else(|| {
                let need = action.needs.iter().find(|need| stale.contains_key(*need))?;
                Some(format!("{need} is stale"))
            });
        if let Some(why) = why {
            stale.insert(action.name.clone(), why);
        }
    }
    Ok(stale)
}

/// The actions, each behind what it needs.
fn ordered(project: &Project) -> Vec<&Action> {
    let request = crate::plan::Request {
        actions: vec!["run_all".to_owned()],
        ..Default::default()
    };
    let plan = crate::plan::plan(project, &crate::plan::History::new(), &request).unwrap_or_default();
    plan.jobs
        .iter()
        .filter_map(|job| project.action(&job.action))
        .collect()
}

fn command(project: &Project, action: &Action, job: &Job) -> Option<String> {
    if words::join(&project.words(action)) != job.run {
        return Some("its command changed".to_owned());
    }
    let spec: Vec<_> = action
        .outputs
        .iter()
        .map(|output| (output.pattern.clone(), output.level))
        .collect();
    (spec != job.output_spec).then(|| "its outputs were declared anew".to_owned())
}

fn changed_code(
    action: &Action,
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Option<String> {
    let words = action.words();
    let named = |path: &str| {
        words.iter().any(|word| {
            word == path || word.ends_with(&format!("/{path}")) || word.ends_with(&format!("={path}"))
        })
    };
    let names_code = now.keys().chain(before.keys()).any(|path| named(path));
    // Modules beside a named script are its code too: everything but other scripts that other actions name would be a guess,
    // so files of the same kind count.
    let kinds: Vec<&str> = words
        .iter()
        .filter(|word| now.contains_key(*word))
        .filter_map(|word| word.rsplit_once('.'))
        .map(|(_, kind)| kind)
        .collect();
    let counts = |path: &str| {
        path != "project.yaml"
            && (!names_code
                || named(path)
                || path
                    .rsplit_once('.')
                    .is_some_and(|(_, kind)| kinds.contains(&kind) && !path.starts_with("tests/")))
    };
    let changed = now
        .iter()
        .filter(|(path, digest)| before.get(*path) != Some(digest))
        .map(|(path, _)| path)
        .chain(before.keys().filter(|path| !now.contains_key(*path)))
        .find(|path| counts(path))?;
    Some(format!("{changed} changed"))
}

fn inputs(
    action: &Action,
    job: &Job,
    last: &BTreeMap<String, Job>,
    present: &HashMap<String, String>,
) -> Option<String> {
    let mut now: BTreeMap<&String, Option<&String>> = BTreeMap::new();
    for need in &action.needs {
        for path in last.get(need).into_iter().flat_map(|job| job.outputs.keys()) {
            now.insert(path, present.get(path));
        }
    }
    for (path, digest) in &now {
        match job.input_digests.get(*path) {
            None => return Some(format!("its input {path} is new")),
            Some(before) if Some(before) != *digest => {
                // The action may have written the file itself; then its own version is the present one.
                if job.output_digests.get(*path) != *digest || digest.is_none() {
                    return Some(format!("its input {path} changed"));
                }
            }
            Some(_) => {}
        }
    }
    let gone = job.input_digests.keys().find(|path| !now.contains_key(path))?;
    Some(format!("its input {gone} is gone"))
}

/// An output that another action wrote over; one that uses the output itself may do so.
fn overwritten(
    project: &Project,
    job: &Job,
    present: &HashMap<String, String>,
    owners: &HashMap<String, String>,
) -> Option<String> {
    job.output_digests
        .iter()
        .filter(|(path, digest)| present.get(*path).is_some_and(|now| now != *digest))
        .filter_map(|(path, _)| Some((path, owners.get(path)?)))
        .find(|(_, owner)| !uses(project, owner, &job.action))
        .map(|(path, owner)| format!("{owner} wrote over its {path}"))
}

/// Whether an action needs another one, directly or by others.
fn uses(project: &Project, action: &str, other: &str) -> bool {
    let mut seen = vec![action];
    let mut at = 0;
    while let Some(name) = seen.get(at).copied() {
        at += 1;
        for need in project
            .action(name)
            .map(|action| action.needs.as_slice())
            .unwrap_or_default()
        {
            if need == other {
                return true;
            }
            if !seen.contains(&need.as_str()) {
                seen.push(need);
            }
        }
    }
    false
}
