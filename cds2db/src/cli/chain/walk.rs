//! The chain's way through its steps, and how each went.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;
use site_config::exit_code;
use work_dir::Runs;

use super::state::{State, write_json};
use super::step::Step;
use crate::{Error, ErrorKind, Result};

/// How a step went.
enum Outcome {
    Done(u8, Duration),
    LeftOut(&'static str),
}

/// Whether the next step may follow: what a retrieval could not have comes with the next.
fn goes_on(code: u8) -> bool {
    matches!(code, exit_code::DONE | exit_code::INCOMPLETE)
}

/// Runs the steps, says how each went, and gives the code of the first that did not end well.
pub(super) fn walk(steps: &[Step], state: &State) -> Result<ExitCode> {
    let mut code = exit_code::DONE;
    let mut outcomes = Vec::new();
    for step in steps {
        let outcome = if let Some(why) = step.left_out() {
            Outcome::LeftOut(why)
        } else if !goes_on(code) {
            Outcome::LeftOut("after an error")
        } else {
            println!("\n== {}", step.title());
            if !step.recovers {
                state.keep(Some(step.name))?;
            }
            let began = Instant::now();
            let ended = step.run();
            if code == exit_code::DONE || !goes_on(ended) {
                code = ended;
            }
            Outcome::Done(ended, began.elapsed())
        };
        outcomes.push((step.title(), outcome));
    }
    if goes_on(code) {
        state.keep(None)?;
    }
    println!();
    for (title, outcome) in &outcomes {
        println!("{title:<26} {}", said(outcome));
    }
    summarise(&outcomes, state)?;
    Ok(ExitCode::from(code))
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(exit_code::DONE, took) => format!("done in {:.1} s", took.as_secs_f64()),
        Outcome::Done(exit_code::INCOMPLETE, took) => {
            format!("not complete, in {:.1} s", took.as_secs_f64())
        }
        Outcome::Done(code, took) => format!("FAILED with {code} after {:.1} s", took.as_secs_f64()),
        Outcome::LeftOut(why) => format!("left out: {why}"),
    }
}

/// Leaves a summary in the directory of the run, where there is one.
fn summarise(outcomes: &[(String, Outcome)], state: &State) -> Result<()> {
    let failed =
        |e: work_dir::Error| Error::new(ErrorKind::File, state.dir().display().to_string()).because(e);
    let Some(layout) = Runs::locate(state.dir()).map_err(failed)? else {
        return Ok(());
    };
    let steps = outcomes.iter().map(|(title, outcome)| match outcome {
        Outcome::Done(code, took) => json!({"step": title, "code": code, "seconds": took.as_secs_f64()}),
        Outcome::LeftOut(why) => json!({"step": title, "left_out": why}),
    });
    let summary = json!({"steps": steps.collect::<Vec<_>>()});
    write_json(&layout.root().join("chain-summary.json"), &summary)
}
