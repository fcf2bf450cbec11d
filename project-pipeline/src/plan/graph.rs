//! What a request touches, as a graph: its jobs, what is left alone, and who needs whom.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::Plan;
use crate::{Level, Project};

/// One action in a graph.
pub(super) struct Knot<'a> {
    pub(super) name: &'a str,
    /// Number in the plan, counted from 1; `None` for what is left alone.
    pub(super) number: Option<usize>,
    /// The most protected level of its outputs.
    pub(super) level: Level,
    /// Indexes of what it needs.
    pub(super) needs: Vec<usize>,
    /// The longest way from an action without needs.
    pub(super) depth: usize,
}

/// The knots of a plan, each behind what it needs.
pub(super) fn knots<'a>(project: &'a Project, plan: &'a Plan) -> Vec<Knot<'a>> {
    let kept = plan.kept.iter().map(|kept| (kept.action.as_str(), None));
    let jobs = plan
        .jobs
        .iter()
        .enumerate()
        .map(|(at, job)| (job.action.as_str(), Some(at + 1)));
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut knots: Vec<Knot<'a>> = Vec::new();
    for (name, number) in kept.chain(jobs) {
        let Some(action) = project.action(name) else {
            continue;
        };
        let needs: Vec<usize> = action
            .needs
            .iter()
            .filter_map(|need| index.get(need.as_str()).copied())
            .collect();
        let depth = needs.iter().map(|need| knots[*need].depth + 1).max().unwrap_or(0);
        index.insert(name, knots.len());
        knots.push(Knot {
            name,
            number,
            level: action
                .outputs
                .iter()
                .map(|o| o.level)
                .max()
                .unwrap_or(Level::HighlySensitive),
            needs,
            depth,
        });
    }
    knots
}

/// The plan as a Mermaid flow chart.
#[must_use]
pub fn mermaid(project: &Project, plan: &Plan) -> String {
    let knots = knots(project, plan);
    let mut out = "flowchart LR\n".to_owned();
    let mut classes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (at, knot) in knots.iter().enumerate() {
        let number = knot
            .number
            .map(|number| format!("{number}. "))
            .unwrap_or_default();
        let _ = writeln!(out, "  n{at}[\"{number}{}\"]", knot.name.replace('"', "#quot;"));
        let class = match (knot.number, knot.level) {
            (None, _) => "kept",
            (Some(_), Level::HighlySensitive) => "highly",
            (Some(_), _) => "moderately",
        };
        classes.entry(class).or_default().push(format!("n{at}"));
    }
    for (at, knot) in knots.iter().enumerate() {
        for need in &knot.needs {
            let _ = writeln!(out, "  n{need} --> n{at}");
        }
    }
    out.push_str("  classDef highly fill:#fde2e1,stroke:#a3302a,color:#111\n");
    out.push_str("  classDef moderately fill:#fff1cc,stroke:#8a6100,color:#111\n");
    out.push_str("  classDef kept fill:#f2f2f2,stroke:#777,color:#444,stroke-dasharray:4 3\n");
    for (class, members) in classes {
        let _ = writeln!(out, "  class {} {class}", members.join(","));
    }
    out
}
