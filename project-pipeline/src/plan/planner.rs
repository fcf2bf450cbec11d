use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::{History, State};
use crate::{Action, Project, words};

/// What someone asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Names of actions; `run_all` stands for all of them.
    pub actions: Vec<String>,
    /// Whether everything that they need runs again.
    pub force: bool,
    /// Actions whose outputs are stale, with the reason; they run again where they are needed. Empty for the original's rules.
    pub stale: BTreeMap<String, String>,
}

/// Why a job runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason", content = "because")]
pub enum Reason {
    /// It was asked for.
    Requested,
    /// It is needed, and the request forces what is needed.
    Forced,
    /// It is needed and has never run.
    NeverRun,
    /// It is needed and failed the last time.
    FailedBefore,
    /// It is needed and a file that it made is gone.
    OutputMissing,
    /// It is needed and its outputs are stale.
    Stale(String),
}

impl Reason {
    /// The reason in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Requested => "requested".to_owned(),
            Self::Forced => "forced".to_owned(),
            Self::NeverRun => "never run".to_owned(),
            Self::FailedBefore => "failed before".to_owned(),
            Self::OutputMissing => "an output is missing".to_owned(),
            Self::Stale(why) => format!("stale: {why}"),
        }
    }
}

/// A job that will run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedJob {
    /// The action.
    pub action: String,
    /// Why it runs.
    #[serde(flatten)]
    pub reason: Reason,
    /// The command with `config`, quoted for a shell.
    pub run: String,
    /// The actions whose outputs it gets.
    pub inputs_from: Vec<String>,
    /// Those of them that have not ended yet.
    pub waits_for: Vec<String>,
}

/// Why an action is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptBecause {
    /// It ended well.
    Succeeded,
    /// It waits or runs already.
    Active,
}

/// An action that is asked for or needed and left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The action.
    pub action: String,
    /// Why.
    pub because: KeptBecause,
}

/// What a request makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The jobs; each stands behind those that it waits for.
    pub jobs: Vec<PlannedJob>,
    /// What is left alone.
    pub kept: Vec<Kept>,
}

/// Why a request cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFault {
    /// No action was named.
    #[error("no action is named; name some, or run_all for all of them")]
    Empty,
    /// An action does not exist.
    #[error("`{name}` is no action of this project{}", list(.known))]
    Unknown {
        /// The name as given.
        name: String,
        /// The actions that there are.
        known: Vec<String>,
    },
    /// Actions need each other.
    #[error("`{action}` needs itself, directly or by others; `pipeline check` names the cycle")]
    Cycle {
        /// One of them.
        action: String,
    },
}

fn list(names: &[String]) -> String {
    const MOST: usize = 20;
    let more = if names.len() > MOST { ", …" } else { "" };
    let names: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    format!("; there are {}{more}", names.join(", "))
}

/// Plans a request.
///
/// # Errors
/// If it names no action, or one that does not exist, or actions need each other.
pub fn plan(project: &Project, history: &History, request: &Request) -> Result<Plan, RequestFault> {
    if request.actions.is_empty() {
        return Err(RequestFault::Empty);
    }
    let all = request.actions.iter().any(|name| name == "run_all");
    let mut walk = Walk {
        project,
        actions: project
            .actions
            .iter()
            .map(|action| (action.name.as_str(), action))
            .collect(),
        history,
        request,
        named: request.actions.iter().map(String::as_str).collect(),
        planned: HashSet::new(),
        seen: HashSet::new(),
        plan: Plan::default(),
    };
    let names: Vec<&str> = if all {
        project
            .actions
            .iter()
            .map(|action| action.name.as_str())
            .collect()
    } else {
        request.actions.iter().map(String::as_str).collect()
    };
    for name in names {
        let Some(action) = walk.actions.get(name).copied() else {
            return Err(RequestFault::Unknown {
                name: name.to_owned(),
                known: project.actions.iter().map(|action| action.name.clone()).collect(),
            });
        };
        walk.from(action)?;
    }
    Ok(walk.plan)
}

struct Walk<'a> {
    project: &'a Project,
    actions: HashMap<&'a str, &'a Action>,
    history: &'a History,
    request: &'a Request,
    named: HashSet<&'a str>,
    planned: HashSet<&'a str>,
    seen: HashSet<&'a str>,
    plan: Plan,
}

impl<'a> Walk<'a> {
    /// Depth first, without the machine's stack: projects are as deep as they like.
    fn from(&mut self, action: &'a Action) -> Result<(), RequestFault> {
        let mut path: Vec<(&'a Action, Reason, usize)> = Vec::new();
        self.enter(action, &mut path)?;
        while let Some((action, _, next)) = path.last_mut() {
            let action: &'a Action = action;
            if let Some(need) = action.needs.get(*next) {
                *next += 1;
                if let Some(need) = self.actions.get(need.as_str()).copied() {
                    self.enter(need, &mut path)?;
                }
            } else if let Some((action, reason, _)) = path.pop() {
                self.add(action, reason);
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        action: &'a Action,
        path: &mut Vec<(&'a Action, Reason, usize)>,
    ) -> Result<(), RequestFault> {
        if path.iter().any(|(above, ..)| above.name == action.name) {
            return Err(RequestFault::Cycle {
                action: action.name.clone(),
            });
        }
        if !self.seen.insert(&action.name) {
            return Ok(());
        }
        match self.reason(action) {
            Ok(reason) => path.push((action, reason, 0)),
            Err(because) => self.plan.kept.push(Kept {
                action: action.name.clone(),
                because,
            }),
        }
        Ok(())
    }

    fn reason(&self, action: &Action) -> Result<Reason, KeptBecause> {
        let last = self.history.get(&action.name);
        if last.is_some_and(|last| last.state.is_active()) {
            return Err(KeptBecause::Active);
        }
        if self.named.contains(action.name.as_str()) {
            return Ok(Reason::Requested);
        }
        let Some(last) = last else {
            return Ok(Reason::NeverRun);
        };
        if self.request.force {
            return Ok(Reason::Forced);
        }
        match last.state {
            State::Succeeded if last.outputs_missing => Ok(Reason::OutputMissing),
            State::Succeeded => match self.request.stale.get(&action.name) {
                Some(why) => Ok(Reason::Stale(why.clone())),
                None => Err(KeptBecause::Succeeded),
            },
            _ => Ok(Reason::FailedBefore),
        }
    }

    fn add(&mut self, action: &'a Action, reason: Reason) {
        let active = |need: &String| self.history.get(need).is_some_and(|last| last.state.is_active());
        let waits_for = action
            .needs
            .iter()
            .filter(|need| self.planned.contains(need.as_str()) || active(need))
            .cloned()
            .collect();
        self.planned.insert(&action.name);
        self.plan.jobs.push(PlannedJob {
            action: action.name.clone(),
            reason,
            run: words::join(&self.project.words(action)),
            inputs_from: action.needs.clone(),
            waits_for,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Last;

    fn project(text: &str) -> Project {
        let actions = text
            .split_whitespace()
            .map(|word| {
                let (name, needs) = word.split_once('<').unwrap_or((word, ""));
                let needs = if needs.is_empty() { String::new() } else { format!(", needs: [{needs}]") };
                format!("  {name}: {{run: 'p:v1 {name}'{needs}, outputs: {{highly_sensitive: {{o: {name}.csv}}}}}}\n")
            })
            .collect::<String>();
        let checked = crate::check(&format!("version: 5\nactions:\n{actions}"));
        checked.project
    }

    fn jobs(text: &str, past: &[(&str, State, bool)], request: &[&str], force: bool) -> String {
        let mut history = History::new();
        for (action, state, outputs_missing) in past {
            history.insert(
                *action,
                Last {
                    state: *state,
                    outputs_missing: *outputs_missing,
                },
            );
        }
        let request = Request {
            actions: request.iter().map(|s| (*s).to_owned()).collect(),
            force,
            ..Request::default()
        };
        match plan(&project(text), &history, &request) {
            Ok(plan) => plan
                .jobs
                .iter()
                .map(|job| {
                    format!(
                        "{} ({}; {})",
                        job.action,
                        job.reason.words(),
                        job.waits_for.join(",")
                    )
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn what_runs_and_why() {
        let chain = "a b<a c<b";
        let good = State::Succeeded;
        assert_eq!(
            jobs(chain, &[], &["c"], false),
            "a (never run; ) b (never run; a) c (requested; b)"
        );
        assert_eq!(
            jobs(chain, &[("b", good, false)], &["c"], false),
            "c (requested; )"
        );
        assert_eq!(
            jobs(chain, &[("b", good, true)], &["c"], false),
            "a (never run; ) b (an output is missing; a) c (requested; b)"
        );
        assert_eq!(
            jobs(
                chain,
                &[("b", State::Failed, false), ("a", good, false)],
                &["c"],
                false
            ),
            "b (failed before; ) c (requested; b)"
        );
        assert_eq!(
            jobs(chain, &[("b", State::Running, false)], &["c"], false),
            "c (requested; b)"
        );
        assert_eq!(
            jobs(chain, &[("a", good, false), ("b", good, false)], &["c"], true),
            "a (forced; ) b (forced; a) c (requested; b)"
        );
        assert_eq!(
            jobs(
                chain,
                &[("a", good, false), ("b", good, false), ("c", good, false)],
                &["run_all"],
                false
            ),
            ""
        );
        assert_eq!(
            jobs("a<b b<a", &[], &["a"], false),
            "`a` needs itself, directly or by others; `pipeline check` names the cycle"
        );
        assert_eq!(
            jobs(chain, &[], &["d"], false),
            "`d` is no action of this project; there are a, b, c"
        );
    }

    #[test]
    fn a_deep_project_is_walked_without_the_stack() {
        let mut text = "x0".to_owned();
        for number in 1..3000 {
            text.push_str(&format!(" x{number}<x{}", number - 1));
        }
        assert_eq!(
            jobs(&text, &[], &["x2999"], false).matches("never run").count(),
            2999
        );
    }
}
