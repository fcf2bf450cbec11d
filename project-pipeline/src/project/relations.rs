//! What actions are to each other: needs, cycles, same commands, same or overlapping outputs.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::read::Checked;
use super::top::Version;
use super::{Level, Output};
use crate::{Place, Rule, pattern};

pub(super) fn check(version: Version, checked: &mut Checked) {
    same_runs(checked);
    unknown_needs(checked);
    cycles(checked);
    same_paths(version, checked);
    levels_overlap(checked);
    overwrites(checked);
}

fn same_runs(checked: &mut Checked) {
    let mut first: HashMap<String, String> = HashMap::new();
    let mut found = Vec::new();
    for action in checked
        .project
        .actions
        .iter()
        .filter(|action| !action.run.is_empty())
    {
        if let Some(other) = first.get(&action.run) {
            found.push((
                action.at,
                format!("{} has the same command as {other}", action.name),
            ));
        } else {
            first.insert(action.run.clone(), action.name.clone());
        }
    }
    for (at, message) in found {
        checked.fault(Rule::SameRun, at, message);
    }
}

fn unknown_needs(checked: &mut Checked) {
    // A name counts as known even where its action is faulty: that is said once, at the action.
    let names: HashSet<&str> = checked.names.iter().map(String::as_str).collect();
    let unknown: Vec<(String, Place)> = checked
        .needs
        .iter()
        .filter(|(_, need, _)| !names.contains(need.as_str()))
        .map(|(action, need, at)| {
            (
                format!(
                    "{action} needs `{}`, which is no action of this file",
                    need.escape_debug()
                ),
                *at,
            )
        })
        .collect();
    for (message, at) in unknown {
        checked.fault(Rule::NeedUnknown, at, message);
    }
}

/// Names each cycle once, at the action of it that comes first in the file.
fn cycles(checked: &mut Checked) {
    let actions = &checked.project.actions;
    let number: HashMap<&str, usize> = actions
        .iter()
        .enumerate()
        .map(|(at, action)| (action.name.as_str(), at))
        .collect();
    let needs: Vec<Vec<usize>> = actions
        .iter()
        .map(|action| {
            action
                .needs
                .iter()
                .filter_map(|need| number.get(need.as_str()).copied())
                .collect()
        })
        .collect();
    let mut state = vec![0u8; actions.len()]; // 0 not seen, 1 on the path, 2 done
    let mut found = Vec::new();
    for start in 0..actions.len() {
        let mut path: Vec<(usize, usize)> = Vec::new();
        if state[start] == 0 {
            state[start] = 1;
            path.push((start, 0));
        }
        while let Some((at, next)) = path.last_mut() {
            let Some(&need) = needs[*at].get(*next) else {
                state[*at] = 2;
                path.pop();
                continue;
            };
            *next += 1;
            if state[need] == 0 {
                state[need] = 1;
                path.push((need, 0));
            } else if state[need] == 1 {
                let from = path.iter().position(|(at, _)| *at == need).unwrap_or(0);
                let names: Vec<&str> = path[from..]
                    .iter()
                    .map(|(at, _)| actions[*at].name.as_str())
                    .collect();
                found.push((
                    actions[need].at,
                    format!("{} → {}", names.join(" → "), actions[need].name),
                ));
            }
        }
    }
    for (at, cycle) in found {
        checked.fault(Rule::Cycle, at, format!("these actions need each other: {cycle}"));
    }
}

fn same_paths(version: Version, checked: &mut Checked) {
    let mut first: HashMap<&str, (&str, Place)> = HashMap::new();
    let mut folded: HashMap<String, (&str, &str, Place)> = HashMap::new();
    let mut found = Vec::new();
    for action in &checked.project.actions {
        for output in &action.outputs {
            let path = output.pattern.as_str();
            if let Some((other, at)) = first.get(path) {
                if !version.shares_paths() {
                    found.push((
                        Rule::SamePath,
                        output.at,
                        format!(
                            "the output path `{path}` of {} stands at {at} for {other} already",
                            action.name
                        ),
                    ));
                }
                continue;
            }
            first.insert(path, (&action.name, output.at));
            if let Some((other, theirs, at)) =
                folded.insert(pattern::folded(path), (&action.name, path, output.at))
            {
                found.push((
                    Rule::FoldedPath,
                    output.at,
                    format!(
                        "the output path `{path}` of {} and `{theirs}` of {other} at {at} are one file where case is \
                         ignored",
                        action.name
                    ),
                ));
            }
        }
    }
    for (rule, at, message) in found {
        checked.fault(rule, at, message);
    }
}

/// Within an action: a file that two levels claim.
fn levels_overlap(checked: &mut Checked) {
    let mut faults = Vec::new();
    let mut warnings = Vec::new();
    for action in &checked.project.actions {
        for (at, a) in action.outputs.iter().enumerate() {
            for b in action.outputs[at + 1..].iter().filter(|b| b.level != a.level) {
                let message = format!(
                    "`{}` ({}) and `{}` ({}) of {}",
                    a.pattern, a.level, b.pattern, b.level, action.name
                );
                if pattern::covers(&a.pattern, &b.pattern) || pattern::covers(&b.pattern, &a.pattern) {
                    faults.push((b.at, format!("{message} stand for the same files")));
                } else if pattern::meet(&a.pattern, &b.pattern) {
                    warnings.push((
                        b.at,
                        format!(
                            "{message} may stand for the same file, which then is {}",
                            a.level.max(b.level)
                        ),
                    ));
                }
            }
        }
    }
    for (at, message) in faults {
        checked.fault(Rule::Overlap, at, message);
    }
    for (at, message) in warnings {
        checked.warn(at, message);
    }
}

/// Between actions: a file that two of them write. Large studies have thousands of patterns, so each is compared only with those that
/// begin or end as it does, whichever are fewer.
fn overwrites(checked: &mut Checked) {
    let actions = &checked.project.actions;
    let all: Vec<(usize, &Output)> = actions
        .iter()
        .enumerate()
        .flat_map(|(number, action)| action.outputs.iter().map(move |output| (number, output)))
        .collect();
    let begins = Sorted::new(all.iter().map(|(_, output)| output.pattern.clone()));
    let ends = Sorted::new(all.iter().map(|(_, output)| reversed(&output.pattern)));
    let mut found: BTreeMap<(usize, usize), (Place, String)> = BTreeMap::new();
    for (number, output) in &all {
        let pattern = output.pattern.as_str();
        let begin = pattern.split('*').next().unwrap_or_default();
        let end = reversed(pattern.rsplit('*').next().unwrap_or_default());
        let (first, second) = (begins.with(begin), ends.with(&end));
        for at in if first.len() <= second.len() {
            first
        } else {
            second
        } {
            let (other_number, other) = &all[*at];
            if number == other_number || !pattern::covers(pattern, &other.pattern) {
                continue;
            }
            let ((first, a), (second, b)) = if number < other_number {
                ((*number, output), (*other_number, other))
            } else {
                ((*other_number, other), (*number, output))
            };
            found
                .entry((first, second))
                .or_insert_with(|| (b.at, describe(&actions[first].name, a, &actions[second].name, b)));
        }
    }
    let warnings: Vec<(Place, String)> = found.into_values().collect();
    for (at, message) in warnings {
        checked.warn(at, message);
    }
}

/// Texts in order, each with its number.
struct Sorted {
    texts: Vec<String>,
    numbers: Vec<usize>,
}

impl Sorted {
    fn new(texts: impl Iterator<Item = String>) -> Self {
        let mut all: Vec<(String, usize)> = texts.enumerate().map(|(number, text)| (text, number)).collect();
        all.sort_unstable();
        let (texts, numbers) = all.into_iter().unzip();
        Self { texts, numbers }
    }

    /// The numbers of the texts that begin so.
    fn with(&self, begin: &str) -> &[usize] {
        let from = self.texts.partition_point(|text| text.as_str() < begin);
        let to = self
            .texts
            .partition_point(|text| text.as_str() < begin || text.starts_with(begin));
        &self.numbers[from..to]
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn describe(first: &str, a: &Output, second: &str, b: &Output) -> String {
    let levels = if a.level == b.level {
        String::new()
    } else {
        let level: Level = a.level.max(b.level);
        format!("; such a file then is {level}")
    };
    format!(
        "{second} can overwrite outputs of {first} (`{}` and `{}`): what reads them gets the files of whichever ran last{levels}",
        b.pattern, a.pattern
    )
}
