//! The last runs of each module.

use std::collections::HashMap;

use axum::extract::State;
use cds_hub::overview::{Faults, ModuleRun};
use maud::{Markup, html};
use web_pages::{Page, Table, Trend, Visitor};

use super::answer::Asker;
use super::layout::{self, number};
use super::site::{Pages, User};

/// Runs of a module that the bars show, and those that the table does.
const BARS: i64 = 30;
const LINES: usize = 5;

/// The first page.
pub(super) async fn show(State(pages): State<Pages>, Visitor(session): Visitor<User>) -> Page {
    let asker = Asker::new(pages.limit);
    let hub = &session.user.hub;
    let lock = asker.ask(hub.lock_holder()).await;
    let runs = asker.ask(hub.recent_runs(BARS)).await.told_or();
    let faults = match &runs {
        Ok(runs) => {
            let imports: Vec<i32> = newest(runs).flat_map(|run| run.imports.iter().copied()).collect();
            asker.ask(hub.import_faults(&imports)).await.told()
        }
        Err(_) => None,
    };
    let runs = match runs {
        Ok(runs) => html! {
            @if runs.is_empty() { p { "Nothing was imported yet." } }
            @for runs in runs.chunk_by(|one, other| one.module == other.module) { (module(runs, faults.as_ref())) }
        },
        Err(why) => why,
    };
    layout::page(&pages, &session, "Overview", "/").body(html! {
        (lock.show(|lock| layout::facts([
            ("Modules and transfers", html! { (lock.state) }),
            ("since", html! { (lock.since.unwrap_or_else(|| "unknown".to_owned())) }),
        ])))
        p.soft {
            "A run is what a module stored together. Whether its data passed their tests is not in the hub: "
            code { "cds2db work status" } " says so, with the reasons."
        }
        @if faults.is_none() { p.soft { "What was refused and what could not be typed: not for this role, or not told in time." } }
        (runs)
    })
}

/// The runs that the tables show.
fn newest(runs: &[ModuleRun]) -> impl Iterator<Item = &ModuleRun> {
    runs.chunk_by(|one, other| one.module == other.module)
        .flat_map(|runs| runs.iter().take(LINES))
}

/// One module: bars and the newest runs.
fn module(runs: &[ModuleRun], faults: Option<&HashMap<i32, Faults>>) -> Markup {
    let name = runs.first().map_or("", |run| run.module.as_str());
    let counts = |run: &ModuleRun| u64::try_from(run.new).unwrap_or_default();
    let most = runs.iter().map(counts).max().unwrap_or_default();
    let mut trend = Trend::new(format!(
        "New rows of the last {} runs, the newest right; at most {most}",
        runs.len()
    ));
    for run in runs.iter().rev() {
        trend.push(format!("{}: {} new", run.started, number(run.new)), counts(run));
    }
    let heads = [
        "Began",
        "Ended",
        "Took",
        "What",
        "New rows",
        "Seen again",
        "State",
    ];
    let mut table = Table::new(format!("The newest runs of {name}"), &heads);
    for run in runs.iter().take(LINES) {
        table.push(vec![
            html! { (run.started) },
            html! { (run.finished.as_deref().unwrap_or("not ended")) },
            html! { (layout::seconds(run.seconds)) },
            html! { (run.parts.join(", ")) },
            layout::count(run.new),
            layout::count(run.seen),
            state(run, faults),
        ]);
    }
    html! {
        h2 { (name) }
        (trend.render())
        (table.render())
    }
}

/// What the hub knows of how a run went.
fn state(run: &ModuleRun, faults: Option<&HashMap<i32, Faults>>) -> Markup {
    let of = |count: fn(&Faults) -> i64| -> i64 {
        let faults = faults
            .into_iter()
            .flat_map(|known| run.imports.iter().filter_map(|no| known.get(no)));
        faults.map(count).sum()
    };
    let (refused, defects) = (of(|f| f.refused), of(|f| f.defects));
    let (class, word) = match (run.finished.is_some(), refused + defects) {
        (false, _) => ("state s1", "not ended"),
        (true, 0) => ("state s2", "stored"),
        (true, _) => ("state s1", "stored in part"),
    };
    html! {
        div {
            span class=(class) { (word) }
            @if refused > 0 { " " (number(refused)) " rows refused" }
            @if defects > 0 { " " (number(defects)) " values not typed" }
        }
    }
}
