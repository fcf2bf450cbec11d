use std::fmt::Write;

use super::{KeptBecause, Plan};

/// The plan as lines of text: number, action, reason, what it waits for; then what is left alone.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let width = plan
        .jobs
        .iter()
        .map(|job| job.action.chars().count())
        .max()
        .unwrap_or(0);
    let reasons: Vec<String> = plan.jobs.iter().map(|job| job.reason.words()).collect();
    let reason_width = reasons
        .iter()
        .map(|reason| reason.chars().count())
        .max()
        .unwrap_or(0);
    for (number, (job, reason)) in plan.jobs.iter().zip(&reasons).enumerate() {
        let waits = if job.waits_for.is_empty() {
            String::new()
        } else {
            format!("  after {}", job.waits_for.join(", "))
        };
        let line = format!(
            "{:>3}  {:width$}  {reason:reason_width$}{waits}",
            number + 1,
            job.action
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if plan.jobs.is_empty() {
        out.push_str("nothing to do\n");
    }
    for kept in &plan.kept {
        let why = match kept.because {
            KeptBecause::Succeeded => "has run",
            KeptBecause::Active => "waits or runs already",
        };
        let _ = writeln!(out, "  –  {}  {why}", kept.action);
    }
    out
}
