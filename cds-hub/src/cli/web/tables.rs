//! The tables and how they grow.

use axum::extract::State;
use cds_hub::overview::Growth;
use maud::{Markup, html};
use web_pages::{Page, Table, Visitor};

use super::answer::Asker;
use super::layout;
use super::site::{Pages, User};

/// All tables.
pub(super) async fn show(State(pages): State<Pages>, Visitor(session): Visitor<User>) -> Page {
    let asker = Asker::new(pages.limit);
    let user = &session.user;
    let growth = asker.ask(user.hub.growth(&user.model)).await;
    layout::page(&pages, &session, "Tables", "/tables").body(html! {
        p.soft { "All versions of all rows, as the hub's imports have counted them; new rows of the last 24 hours, 7 and 30 days." }
        (growth.show(|growth| tables(&growth)))
    })
}

fn tables(growth: &[Growth]) -> Markup {
    let (filled, empty): (Vec<&Growth>, Vec<&Growth>) = growth.iter().partition(|g| g.changed.is_some());
    let heads = [
        "Table",
        "Rows",
        "In 24 hours",
        "In 7 days",
        "In 30 days",
        "Last new row",
        "Last confirmed",
    ];
    let mut table = Table::new("Tables with rows", &heads);
    for growth in &filled {
        let time = |time: &Option<String>| html! { (time.as_deref().unwrap_or_default()) };
        table.push(vec![
            html! { a href={ "/as-of?table=" (growth.table) } { (growth.table) } },
            layout::count(growth.rows),
            layout::more(growth.day),
            layout::more(growth.week),
            layout::more(growth.month),
            time(&growth.changed),
            time(&growth.confirmed),
        ]);
    }
    let empty: Vec<&str> = empty.iter().map(|g| g.table.as_str()).collect();
    html! {
        @if filled.is_empty() { p { "No table has rows yet." } } @else { (table.render()) }
        @if !empty.is_empty() {
            h2 { "Without rows" }
            p { (empty.join(", ")) }
        }
    }
}
