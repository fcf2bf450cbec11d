//! One action.

use super::read::Checked;
use super::top::Version;
use super::{Action, Level, Output, extraction, output_path, run_line};
use crate::Rule;
use crate::yaml::Node;

/// The most nodes that a `config` may have once its aliases are written out.
const CONFIG_NODES: usize = 100_000;

/// The values of an action's keys.
#[derive(Default)]
struct Keys<'a> {
    run: Option<&'a Node>,
    needs: Option<&'a Node>,
    outputs: Option<&'a Node>,
    config: Option<&'a Node>,
    dummy_data_file: Option<&'a Node>,
}

pub(super) fn read(key: &Node, value: &Node, version: Version, checked: &mut Checked) {
    let name = key.name();
    if key.text().is_some() {
        checked.names.push(name.clone());
    }
    check_name(key, &name, version, checked);
    let Some(entries) = value.map() else {
        let at = if value.is_null() { key.at } else { value.at };
        return checked.fault(
            Rule::ActionNotMapping,
            at,
            format!("the action {name} is a mapping, this is {}", value.sort()),
        );
    };
    let keys = keys(entries, &name, checked);
    let mut action = Action {
        name,
        at: key.at,
        run: keys.run.and_then(Node::text).unwrap_or_default().to_owned(),
        needs: needs(keys.needs, &key.name(), checked),
        outputs: Vec::new(),
        config: config(keys.config, &key.name(), checked),
        dummy_data_file: keys.dummy_data_file.and_then(Node::text).map(str::to_owned),
    };
    if let Some(node) = keys
        .dummy_data_file
        .filter(|node| !node.is_null() && node.text().is_none())
    {
        checked.fault(
            Rule::DummyDataNotText,
            node.at,
            format!(
                "`dummy_data_file` of {} is a text, this is {}",
                action.name,
                node.sort()
            ),
        );
    }
    let words = match keys.run {
        None => {
            checked.fault(Rule::RunMissing, key.at, format!("{} has no `run`", action.name));
            None
        }
        Some(run) => run_line::check(run, &action.name, version, checked),
    };
    let levels = match keys.outputs {
        None => {
            checked.fault(
                Rule::OutputsMissing,
                key.at,
                format!("{} has no `outputs`", action.name),
            );
            0
        }
        Some(outputs) => read_outputs(outputs, &mut action, checked),
    };
    if let (Some(words), Some(run)) = (words, keys.run) {
        extraction::check(&action, &words, levels, run.at, checked);
    }
    checked.project.actions.push(action);
}

fn check_name(key: &Node, name: &str, version: Version, checked: &mut Checked) {
    if name == "run_all" {
        if version.is_strict() {
            checked.fault(Rule::RunAll, key.at, "`run_all` is not a name for an action");
        } else {
            checked.warn(
                key.at,
                "an action named `run_all` is never run: the name stands for all actions",
            );
        }
    }
    let good = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    if key.text().is_none() {
        checked.fault(
            Rule::ActionName,
            key.at,
            format!("the name of an action is a text, `{name}` is {}", key.sort()),
        );
    } else if name.is_empty() || name.starts_with(['.', '-']) || name.len() > 200 || !name.chars().all(good) {
        checked.fault(
            Rule::ActionName,
            key.at,
            format!("`{}` cannot name an action", name.escape_debug()),
        );
    }
}

fn keys<'a>(entries: &'a [(Node, Node)], action: &str, checked: &mut Checked) -> Keys<'a> {
    let mut keys = Keys::default();
    for (key, value) in entries {
        let slot = match key.text() {
            Some("run") => &mut keys.run,
            Some("needs") => &mut keys.needs,
            Some("outputs") => &mut keys.outputs,
            Some("config") => &mut keys.config,
            Some("dummy_data_file") => &mut keys.dummy_data_file,
            Some(other) => {
                checked.fault(
                    Rule::UnknownKey,
                    key.at,
                    format!("{action} has run, needs, outputs, config or dummy_data_file, not `{other}`"),
                );
                continue;
            }
            None => {
                checked.fault(
                    Rule::KeyNotText,
                    key.at,
                    format!("a key of {action} is a text, this is {}", key.sort()),
                );
                continue;
            }
        };
        *slot = Some(value);
    }
    keys
}

fn needs(node: Option<&Node>, action: &str, checked: &mut Checked) -> Vec<String> {
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return Vec::new();
    };
    let crate::yaml::Value::List(items) = &*node.value else {
        checked.fault(
            Rule::NeedsNotList,
            node.at,
            format!("`needs` of {action} is a list, this is {}", node.sort()),
        );
        return Vec::new();
    };
    let mut needs: Vec<String> = Vec::new();
    for item in items {
        match item.text() {
            None => checked.fault(
                Rule::NeedNotText,
                item.at,
                format!("`needs` of {action} are names, this is {}", item.sort()),
            ),
            Some(name) if name.contains(' ') => checked.fault(
                Rule::NeedBlank,
                item.at,
                format!("`{name}` in `needs` of {action} has a blank, perhaps for a comma"),
            ),
            Some(name) => {
                checked.needs.push((action.to_owned(), name.to_owned(), item.at));
                if !needs.iter().any(|need| need == name) {
                    needs.push(name.to_owned());
                }
            }
        }
    }
    needs
}

fn config(node: Option<&Node>, action: &str, checked: &mut Checked) -> Option<String> {
    let node = node.filter(|node| !node.is_null())?;
    if node.map().is_none() {
        checked.fault(
            Rule::ConfigNotMapping,
            node.at,
            format!("`config` of {action} is a mapping, this is {}", node.sort()),
        );
        return None;
    }
    let mut budget = CONFIG_NODES;
    let json = node.to_json(&mut budget);
    if json.is_none() {
        checked.fault(
            Rule::ConfigTooLarge,
            node.at,
            format!("`config` of {action} has more than {CONFIG_NODES} values"),
        );
    }
    json.filter(|json| json != "{}")
}

/// Reads the outputs and gives the number of levels that are there.
fn read_outputs(node: &Node, action: &mut Action, checked: &mut Checked) -> usize {
    let name = action.name.clone();
    let Some(entries) = node.map() else {
        checked.fault(
            Rule::OutputsNotMapping,
            node.at,
            format!("`outputs` of {name} is a mapping, this is {}", node.sort()),
        );
        return 0;
    };
    let mut levels = 0;
    for (key, value) in entries {
        let Some(level) = key.text().and_then(Level::from_key) else {
            let rule = if key.text().is_some() {
                Rule::UnknownLevel
            } else {
                Rule::KeyNotText
            };
            checked.fault(
                rule,
                key.at,
                format!("`{}` in `outputs` of {name} is no privacy level", key.name()),
            );
            continue;
        };
        if value.is_null() {
            continue;
        }
        levels += 1;
        match value.map() {
            None => checked.fault(
                Rule::LevelNotMapping,
                value.at,
                format!("`{level}` of {name} is a mapping, this is {}", value.sort()),
            ),
            Some(paths) => read_paths(paths, level, action, checked),
        }
    }
    if levels == 0 {
        checked.fault(
            Rule::NoLevel,
            node.at,
            format!("`outputs` of {name} name no privacy level"),
        );
    } else if action.outputs.is_empty() {
        checked.fault(Rule::NoPath, node.at, format!("`outputs` of {name} name no path"));
    }
    action
        .outputs
        .sort_by_key(|output| std::cmp::Reverse(output.level));
    levels
}

fn read_paths(paths: &[(Node, Node)], level: Level, action: &mut Action, checked: &mut Checked) {
    for (key, value) in paths {
        let Some(path) = value.text() else {
            checked.fault(
                Rule::PathNotText,
                value.at,
                format!(
                    "the output `{}` of {} is a path, this is {}",
                    key.name(),
                    action.name,
                    value.sort()
                ),
            );
            continue;
        };
        let faults = [
            output_path::fault(path, level),
            output_path::fault_there(path, level),
        ];
        for (rule, what) in faults.into_iter().flatten() {
            checked.fault(
                rule,
                value.at,
                format!(
                    "the output path `{}` of {} {what}",
                    path.escape_debug(),
                    action.name
                ),
            );
        }
        action.outputs.push(Output {
            level,
            name: key.name(),
            pattern: path.to_owned(),
            at: value.at,
        });
    }
}
