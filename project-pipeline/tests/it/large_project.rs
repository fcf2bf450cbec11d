//! A project of 2,191 actions and about 1 MB, as large studies write them by program.

use std::fmt::Write;
use std::time::Instant;

use project_pipeline::check;

pub(crate) fn large() -> String {
    let mut text = "version: \"3.0\"\n\nexpectations:\n  population_size: 10000\n\nactions:\n".to_owned();
    for number in 0..2191 {
        let need = if number == 0 {
            String::new()
        } else {
            format!("    needs:\n    - generate_cohort_of_outcome_{}\n", number / 2)
        };
        let name = if number == 0 {
            "generate_cohort_of_outcome_0".to_owned()
        } else {
            format!("generate_cohort_of_outcome_{number}")
        };
        let _ = write!(
            text,
            "  ## analysis {number} of the study, made by create_project_actions.R\n  {name}:\n    run: r:latest analysis/model/run_model.R \
             --outcome=outcome_{number} --cohort=vaccinated --strata=all;age;sex;ethnicity --follow-up=365 --seed={number}\n{need}    outputs:\n      \
             moderately_sensitive:\n        estimates: output/model/outcome_{number}/estimates_vaccinated_{number}.csv\n        \
             plot: output/model/outcome_{number}/plot_{number}.png\n      highly_sensitive:\n        \
             rows: output/model/outcome_{number}/rows_*_{number}.rds\n\n"
        );
    }
    text
}

/// All outputs in one folder: every pattern begins as thousands of others do.
#[test]
fn a_large_project_in_one_folder_is_checked_as_fast() {
    let text = large();
    let mut flat = String::new();
    for line in text.lines() {
        match line.split_once("output/model/outcome_") {
            Some((before, rest)) => {
                let name = rest.split_once('/').map_or(rest, |(_, name)| name);
                let _ = writeln!(flat, "{before}output/{name}");
            }
            None => {
                let _ = writeln!(flat, "{line}");
            }
        }
    }
    let start = Instant::now();
    let checked = check(&flat);
    let time = start.elapsed();
    println!("in one folder: {time:?}");
    assert!(checked.is_good(), "{:?}", checked.faults.first());
    assert!(time.as_secs() < 20, "{time:?}");
}

#[test]
fn a_large_project_is_checked_in_no_time() {
    let text = large();
    let start = Instant::now();
    let checked = check(&text);
    let time = start.elapsed();
    println!(
        "{} bytes, {} actions: {time:?}",
        text.len(),
        checked.project.actions.len()
    );
    assert!(checked.is_good(), "{:?}", checked.faults.first());
    assert_eq!(checked.project.actions.len(), 2191);
    assert!(text.len() > 900_000);
    // An unoptimised build on a busy machine; the README has the figure of a release build.
    assert!(time.as_secs() < 20, "{time:?}");
}
