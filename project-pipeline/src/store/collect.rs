use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use super::SafeDir;
use super::safe_dir::Kind;
use crate::{Action, Level, pattern};

/// What a job left in its folder, by the patterns of its action.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// Regular files that a pattern stands for, with the most protected level that one gives them.
    pub(crate) files: BTreeMap<String, Level>,
    /// What a pattern stands for but is no file of the job's own, with the reason.
    pub(crate) refused: BTreeMap<String, (Level, String)>,
    /// Patterns that no file fits.
    pub(crate) unmatched: Vec<String>,
    /// Other files, at most a few: perhaps one of them was meant.
    pub(crate) others: Vec<String>,
}

impl Collected {
    /// Finds the patterns without a file anew.
    pub(crate) fn unmatched_again(&mut self, action: &Action) {
        self.unmatched = action
            .outputs
            .iter()
            .filter(|output| {
                !self
                    .files
                    .keys()
                    .any(|path| pattern::matches(&output.pattern, path))
            })
            .map(|output| output.pattern.clone())
            .collect();
    }
}

const OTHERS: usize = 20;
const DEPTH: usize = 64;

/// Finds an action's outputs in a job's folder; `known` are the files that were there before it ran.
pub(crate) fn collect(folder: &Path, action: &Action, known: &HashMap<String, u64>) -> io::Result<Collected> {
    let mut collected = Collected::default();
    walk(&SafeDir::open(folder)?, "", 0, action, known, &mut collected)?;
    let mut folded: HashMap<String, String> = HashMap::new();
    let paths: Vec<String> = collected.files.keys().cloned().collect();
    for path in paths {
        if let Some(other) = folded.insert(pattern::folded(&path), path.clone()) {
            let level = collected.files.remove(&path).unwrap_or(Level::HighlySensitive);
            let why = format!("where case is ignored it is the same file as {other}");
            collected.refused.insert(path, (level, why));
        }
    }
    collected.unmatched_again(action);
    Ok(collected)
}

fn walk(
    here: &SafeDir,
    above: &str,
    depth: usize,
    action: &Action,
    known: &HashMap<String, u64>,
    collected: &mut Collected,
) -> io::Result<()> {
    if depth > DEPTH {
        return Ok(());
    }
    for (name, kind) in here.names()? {
        let path = format!("{above}{}", name.to_string_lossy());
        let Some(name) = name.to_str().filter(|name| !name.chars().any(char::is_control)) else {
            if let Some(level) = action.level_of(&path) {
                let why = "its name has control characters or is not UTF-8".to_owned();
                collected
                    .refused
                    .insert(path.escape_debug().to_string(), (level, why));
            }
            continue;
        };
        let level = action.level_of(&path);
        match (kind, level) {
            (Kind::Folder, _) => {
                if let Some(folder) = here.folder(name)? {
                    walk(&folder, &format!("{path}/"), depth + 1, action, known, collected)?;
                }
            }
            (Kind::File, Some(level)) => {
                collected.files.insert(path, level);
            }
            (Kind::Link, Some(level)) => {
                collected
                    .refused
                    .insert(path, (level, "it is a symbolic link".to_owned()));
            }
            (Kind::Other, Some(level)) => {
                collected
                    .refused
                    .insert(path, (level, "it is no regular file".to_owned()));
            }
            (Kind::File, None) if collected.others.len() < OTHERS && !known.contains_key(&path) => {
                collected.others.push(path);
            }
            _ => {}
        }
    }
    Ok(())
}
