//! What was not stored, or not yet, and why.

use axum::extract::State;
use cds_hub::ask::WaitingRun;
use cds_hub::overview::{Defects, Refusals};
use cds_hub::{Result, schema::Kind};
use maud::{Markup, html};
use web_pages::{Page, Table, Visitor};

use super::answer::Asker;
use super::layout::{self, count};
use super::site::{Pages, User};

/// Runs named of one table that waits.
const RUNS: usize = 3;

/// Quarantine, rows that wait, values without a type, searches that are asked again.
pub(super) async fn show(State(pages): State<Pages>, Visitor(session): Visitor<User>) -> Page {
    let asker = Asker::new(pages.limit);
    let user = &session.user;
    let refusals = asker.ask(user.hub.refusals()).await;
    let waits = asker.ask(waits(user)).await;
    let defects = asker.ask(user.hub.defects_by_kind()).await;
    let searches = asker.ask(user.hub.unanswered_searches()).await;
    layout::page(&pages, &session, "Not stored", "/refused").body(html! {
        h2 { "Quarantine" }
        p.soft {
            "Rows that the database refused. Every transfer tries those again that are due; "
            code { "cds-hub quarantine retry" } " does so at once."
        }
        (refusals.show(|refusals| quarantine(&refusals)))
        h2 { "Held back" }
        p.soft {
            "Raw rows that wait to be typed: a test holds them, or their run did not get that far. Which test and why is not in the "
            "hub: " code { "cds2db work status" } " says so."
        }
        (waits.show(|waits| held(&waits)))
        h2 { "Values that could not be typed" }
        p.soft { "Their cells are empty, the raw rows keep them; " code { "cds-hub defects" } " lists the resources." }
        (defects.show(|defects| untyped(&defects)))
        h2 { "Searches that are asked again" }
        p.soft { "Of patients whose search was not answered in full; the next run asks again." }
        (searches.show(|searches| unanswered(&searches)))
    })
}

fn quarantine(refusals: &[Refusals]) -> Markup {
    let heads = [
        "Table",
        "Reason",
        "Rows",
        "Due now",
        "Attempts",
        "First refused",
        "Next attempt",
    ];
    let mut table = Table::new("Refused rows by table and reason", &heads);
    for one in refusals {
        table.push(vec![
            html! { (one.table) },
            html! { (one.sqlstate) " " (one.reason) },
            count(one.rows),
            count(one.due),
            html! { (one.attempts) },
            html! { (one.first_seen) },
            html! { (one.next_try) },
        ]);
    }
    or_none(&table, "No row was refused.")
}

/// Raw tables with rows that wait, each with the runs they are of.
async fn waits(user: &User) -> Result<Vec<(String, i64, Vec<WaitingRun>)>> {
    let mut all = Vec::new();
    for wait in user.hub.waits(&user.model).await? {
        let table = user.model.of(Kind::Raw).find(|table| table.name == wait.table);
        let runs = match table {
            Some(table) => user.hub.waiting(&table.description).await?,
            None => Vec::new(),
        };
        all.push((wait.table, wait.rows, runs));
    }
    Ok(all)
}

fn held(waits: &[(String, i64, Vec<WaitingRun>)]) -> Markup {
    let mut table = Table::new("Rows that wait to be typed", &["Table", "Rows", "Of the runs"]);
    for (name, rows, runs) in waits {
        let words: Vec<String> = runs.iter().take(RUNS).map(ToString::to_string).collect();
        let more = runs.len().saturating_sub(RUNS);
        table.push(vec![
            html! { (name) },
            count(*rows),
            html! { (words.join("; ")) @if more > 0 { "; and " (more) " more" } },
        ]);
    }
    or_none(&table, "No row waits.")
}

fn untyped(defects: &[Defects]) -> Markup {
    let heads = ["Table", "Column", "What is wrong", "Values", "Raw rows"];
    let mut table = Table::new("Values by column and reason", &heads);
    for one in defects {
        table.push(vec![
            html! { (one.table) },
            html! { (one.column) },
            html! { (one.kind) },
            count(one.values),
            count(one.rows),
        ]);
    }
    or_none(&table, "All values could be typed.")
}

fn unanswered(searches: &[(String, i64)]) -> Markup {
    let mut table = Table::new("Searches by watermark", &["Watermark", "Searches"]);
    for (watermark, searches) in searches {
        table.push(vec![html! { (watermark) }, count(*searches)]);
    }
    or_none(&table, "Every search was answered in full.")
}

fn or_none(table: &Table, words: &str) -> Markup {
    match table.is_empty() {
        true => html! { p { (words) } },
        false => table.render(),
    }
}
