//! How a table was at a moment.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use cds_hub::ErrorKind;
use cds_hub::lineage::Interface;
use maud::{Markup, html};
use web_pages::{Choice, Field, Form, Input, Page, Session, Submission, Visitor};

use super::answer::{Answer, Asker};
use super::layout::{self, number};
use super::site::{Pages, User};

/// Rows on a page, and the last page that is shown: behind it the table is better printed by `cds-hub as-of`.
const ROWS: u32 = 100;
const LAST: u32 = 100;

/// What was asked for.
#[derive(Default)]
struct Asked<'a> {
    table: &'a str,
    moment: &'a str,
    values: bool,
    /// Counted from 0.
    page: u32,
}

/// What a link may choose: a table, nothing else.
#[derive(Default, serde::Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    table: String,
}

/// The form.
pub(super) async fn form(
    State(pages): State<Pages>,
    Visitor(session): Visitor<User>,
    chosen: Result<Query<Chosen>, QueryRejection>,
) -> Page {
    let chosen = chosen.map(|Query(chosen)| chosen).unwrap_or_default();
    let asked = Asked {
        table: &chosen.table,
        ..Asked::default()
    };
    page(&pages, &session, &asked, "", &html! {})
}

/// The form with what was shown at the moment.
pub(super) async fn show(State(pages): State<Pages>, submission: Submission<User>) -> Response {
    let session = &submission.session;
    let asked = Asked {
        table: submission.get("table"),
        moment: submission.get("moment").trim(),
        values: submission.get("show") == "1",
        page: submission.get("page").parse().unwrap_or_default(),
    };
    let Some(shown) = Interface::named(&session.user.model, asked.table)
        .filter(|shown| shown.table().name == asked.table && asked.page <= LAST)
    else {
        return layout::missing(&pages, session);
    };
    let asker = Asker::new(pages.limit);
    let hub = &session.user.hub;
    let is_none = || {
        let fault = "This is no moment. Such as 2026-01-31 12:00 is wanted.";
        page(&pages, session, &asked, fault, &html! {}).into_response()
    };
    if !may_be_moment(asked.moment) {
        return is_none();
    }
    let count = asker.ask(hub.count_as_of(asked.table, asked.moment)).await;
    if matches!(&count, Answer::Failed(error) if error.kind() == ErrorKind::Options) {
        return is_none();
    }
    let may_see = session.user.readable.may_see(asked.table);
    let rows = match (asked.values, may_see) {
        (false, _) => None,
        (true, false) => Some(Answer::NotForRole),
        (true, true) => {
            let before = asked.page * ROWS;
            Some(
                asker
                    .ask(hub.rows_as_of(&shown, asked.moment, before, ROWS))
                    .await,
            )
        }
    };
    let body = html! {
        h2 { (asked.table) " as of " (asked.moment) }
        (count.show(|count| html! { p { (number(count)) " rows, all versions." } }))
        @if let Some(rows) = rows { (rows.show(|rows| listed(&rows, &asked, &session.token))) }
    };
    page(&pages, session, &asked, "", &body).into_response()
}

/// Whether a text can be a moment: PostgreSQL would also take words such as `infinity`.
fn may_be_moment(text: &str) -> bool {
    text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('\0')
}

fn page(pages: &Pages, session: &Session<User>, asked: &Asked<'_>, fault: &str, body: &Markup) -> Page {
    let tables = session.user.model.tables().iter();
    let choices = tables.map(|table| Choice {
        code: &table.name,
        label: &table.name,
        chosen: table.name == asked.table,
    });
    let table = Field {
        name: "table",
        label: "Table",
        input: Input::Select(choices.collect()),
        ..Field::default()
    };
    let moment = Field {
        name: "moment",
        label: "Moment",
        note: "Wall time of the hub's zone.",
        fault,
        input: Input::Line {
            kind: "datetime-local",
            value: asked.moment,
            step: "1",
            autocomplete: "",
        },
        ..Field::default()
    };
    let form = Form::new("/as-of", &session.token).submit("Look").body(html! {
        (table.render()) (moment.render()) (layout::with_values(asked.values))
    });
    layout::page(pages, session, "The past", "/as-of").body(html! { (form.render()) (body) })
}

fn listed(rows: &[Vec<(String, Option<String>)>], asked: &Asked<'_>, token: &str) -> Markup {
    let first = asked.page * ROWS;
    let is_full = u32::try_from(rows.len()) == Ok(ROWS);
    html! {
        @if rows.is_empty() { p { "No rows here." } }
        @for (at, row) in rows.iter().enumerate() {
            details open[at == 0 && rows.len() == 1] {
                summary { "Row " (number(i64::from(first) + i64::try_from(at).unwrap_or_default() + 1)) }
                (layout::facts(row.iter().filter_map(|(name, value)| {
                    value.as_ref().map(|value| (name.as_str(), html! { (value) }))
                })))
            }
        }
        @if is_full && asked.page < LAST {
            (Form::new("/as-of", token).submit("Next rows").body(html! {
                @for (name, value) in [("table", asked.table), ("moment", asked.moment), ("show", "1")] {
                    input type="hidden" name=(name) value=(value);
                }
                input type="hidden" name="page" value=(asked.page + 1);
            }).render())
        } @else if is_full {
            p { "The rest is too much for pages: " code { "cds-hub as-of" } " prints it." }
        }
    }
}
