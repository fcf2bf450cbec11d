//! Random projects, histories and requests: our plan against a slow model and against the original's planner.

use std::collections::{BTreeMap, BTreeSet};

use project_pipeline::check;
use project_pipeline::plan::{History, Last, Request, State, plan};
use serde_json::{Value, json};

use crate::oracle;
use crate::random::Random;

struct Case {
    project: String,
    needs: Vec<Vec<usize>>,
    past: BTreeMap<usize, State>,
    request: Vec<String>,
    force: bool,
}

fn case(random: &mut Random) -> Case {
    let count = 1 + random.below(12);
    // Needs point to earlier numbers; the order in the file is another one.
    let needs: Vec<Vec<usize>> = (0..count)
        .map(|at| {
            let mut needs: Vec<usize> = (0..at).filter(|_| random.one_in(3)).collect();
            if random.one_in(2) {
                needs.reverse();
            }
            needs
        })
        .collect();
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, random.below(at + 1));
    }
    let mut project = "version: 5\nactions:\n".to_owned();
    for at in &order {
        let names: Vec<String> = needs[*at].iter().map(|need| format!("n{need}")).collect();
        let config = if random.one_in(4) {
            "    config: {k: \"it's\", n: [1, 2.5, null, é]}\n"
        } else {
            ""
        };
        project.push_str(&format!(
            "  n{at}:\n    run: python:v2 x{at} 'a b'\n    needs: [{}]\n{config}    outputs: {{highly_sensitive: {{o: n{at}.csv}}}}\n",
            names.join(", ")
        ));
    }
    let states = [
        State::Succeeded,
        State::Succeeded,
        State::Failed,
        State::Pending,
        State::Running,
    ];
    let past = (0..count).filter(|_| random.one_in(2)).collect::<Vec<_>>();
    let past = past.into_iter().map(|at| (at, *random.pick(&states))).collect();
    let request = if random.one_in(8) {
        vec!["run_all".to_owned()]
    } else {
        (0..=random.below(3))
            .map(|_| format!("n{}", random.below(count)))
            .collect()
    };
    Case {
        project,
        needs,
        past,
        request,
        force: random.one_in(4),
    }
}

/// The rules, said once more and slowly: repeat until nothing changes.
fn model(case: &Case) -> BTreeMap<usize, BTreeSet<usize>> {
    let all = case.request.contains(&"run_all".to_owned());
    let named = |at: usize| case.request.contains(&format!("n{at}"));
    let runs_if_reached = |at: usize| match case.past.get(&at) {
        Some(State::Pending | State::Running) => false,
        None | Some(State::Failed) => true,
        Some(State::Succeeded) => named(at) || case.force,
    };
    let mut reached: BTreeSet<usize> = (0..case.needs.len()).filter(|at| all || named(*at)).collect();
    loop {
        let more: BTreeSet<usize> = reached
            .iter()
            .filter(|at| runs_if_reached(**at))
            .flat_map(|at| case.needs[*at].iter().copied())
            .chain(reached.iter().copied())
            .collect();
        if more == reached {
            break;
        }
        reached = more;
    }
    let runs: BTreeSet<usize> = reached.into_iter().filter(|at| runs_if_reached(*at)).collect();
    let active =
        |at: &usize| runs.contains(at) || matches!(case.past.get(at), Some(State::Pending | State::Running));
    runs.iter()
        .map(|at| (*at, case.needs[*at].iter().copied().filter(active).collect()))
        .collect()
}

/// Our plan in the oracle's form; panics if a job stands before what it waits for.
fn ours(case: &Case) -> Value {
    let checked = check(&case.project);
    assert!(checked.is_good(), "{:?}\n{}", checked.faults, case.project);
    let mut history = History::new();
    for (at, state) in &case.past {
        history.insert(
            format!("n{at}"),
            Last {
                state: *state,
                outputs_missing: false,
            },
        );
    }
    let request = Request {
        actions: case.request.clone(),
        force: case.force,
        ..Request::default()
    };
    let plan = plan(&checked.project, &history, &request).expect("a plan");
    let mut done = BTreeSet::new();
    for job in &plan.jobs {
        for other in &job.waits_for {
            let planned = plan.jobs.iter().any(|job| job.action == *other);
            assert!(
                !planned || done.contains(other),
                "{} stands before {other}",
                job.action
            );
        }
        done.insert(job.action.clone());
    }
    let mut jobs: Vec<Value> = plan
        .jobs
        .into_iter()
        .map(|job| {
            let waits: BTreeSet<String> = job.waits_for.into_iter().collect();
            json!([job.action, waits, job.inputs_from, job.run])
        })
        .collect();
    jobs.sort_by_key(|job| job[0].as_str().map(str::to_owned));
    Value::Array(jobs)
}

#[test]
fn plans_are_the_models_on_random_graphs() {
    let mut random = Random::new(oracle::seed());
    for number in 0..10_000 {
        let case = case(&mut random);
        let ours: BTreeMap<String, BTreeSet<String>> = ours(&case)
            .as_array()
            .expect("jobs")
            .iter()
            .map(|job| {
                let waits = serde_json::from_value(job[1].clone()).expect("names");
                (job[0].as_str().expect("a name").to_owned(), waits)
            })
            .collect();
        let model: BTreeMap<String, BTreeSet<String>> = model(&case)
            .into_iter()
            .map(|(at, waits)| {
                (
                    format!("n{at}"),
                    waits.into_iter().map(|at| format!("n{at}")).collect(),
                )
            })
            .collect();
        assert_eq!(
            ours, model,
            "case {number}\n{}{:?} {:?}",
            case.project, case.past, case.request
        );
    }
}

#[test]
fn plans_are_the_originals_on_random_graphs() {
    let Some(python) = oracle::python() else { return };
    let mut random = Random::new(oracle::seed() + 1);
    let cases: Vec<Case> = (0..oracle::cases(400)).map(|_| case(&mut random)).collect();
    let lines: Vec<String> = cases
        .iter()
        .map(|case| {
            let past: Vec<(String, &str)> = case
                .past
                .iter()
                .map(|(at, s)| (format!("n{at}"), s.name()))
                .collect();
            json!({"project": case.project, "past": past, "request": case.request, "force": case.force})
                .to_string()
        })
        .collect();
    let theirs = oracle::ask(&python, "plans.py", &lines);
    assert_eq!(theirs.len(), cases.len());
    for (number, (case, theirs)) in cases.iter().zip(&theirs).enumerate() {
        let theirs: Value = serde_json::from_str(theirs).expect("JSON");
        assert_eq!(
            ours(case),
            theirs,
            "case {number}\n{}{:?} {:?}",
            case.project,
            case.past,
            case.request
        );
    }
    println!("{} plans equal the original's", cases.len());
}
