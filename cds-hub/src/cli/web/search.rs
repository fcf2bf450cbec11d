//! Where an id stands. It is patient data, so it goes by form and is not repeated unless values are asked for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cds_hub::Result;
use cds_hub::overview::Found;
use maud::{Markup, html};
use web_pages::{Field, Form, Input, Notice, Page, Session, Submission, Table, Visitor};

use super::answer::Asker;
use super::layout;
use super::site::{Pages, User};

/// Longest id looked for, in bytes; FHIR allows 64, references are longer.
const LONGEST: usize = 1000;

/// The form.
pub(super) async fn form(State(pages): State<Pages>, Visitor(session): Visitor<User>) -> Page {
    page(&pages, &session, "", false, &html! {})
}

/// The form with what was found.
pub(super) async fn find(State(pages): State<Pages>, submission: Submission<User>) -> Response {
    let session = &submission.session;
    let text = submission.get("id").trim();
    let values = submission.get("show") == "1";
    if text.is_empty() || text.len() > LONGEST || text.contains('\0') {
        return page(&pages, session, "", values, &html! {})
            .notice(Notice::Bad("An id is wanted, alone or as Patient/1.".to_owned()))
            .into_response();
    }
    let asker = Asker::new(pages.limit);
    let found = asker.ask(search(&session.user, text)).await;
    let body = html! {
        @if !session.user.readable.is_empty() {
            h2 { "Found" }
            (found.show(|found| rows(&found, values)))
            p.soft { "Looked through the tables that your role may read, at most 100 rows of each." }
        }
    };
    page(&pages, session, if values { text } else { "" }, values, &body).into_response()
}

async fn search(user: &User, text: &str) -> Result<Vec<Found>> {
    let mut found = user.hub.find_resource(&user.model, &user.readable, text).await?;
    if let Ok(id) = text.parse() {
        found.extend(user.hub.find_row(&user.model, &user.readable, id).await?);
    }
    Ok(found)
}

fn page(pages: &Pages, session: &Session<User>, id: &str, values: bool, found: &Markup) -> Page {
    let line = Field {
        name: "id",
        label: "Id of a resource, or of a row",
        note: "Such as 4711, or Patient/4711 for resources of that type only.",
        input: Input::Line {
            kind: "text",
            value: id,
            step: "",
            autocomplete: "",
        },
        ..Field::default()
    };
    let body = html! { (line.render()) (layout::with_values(values)) };
    let form = Form::new("/search", &session.token).submit("Search").body(body);
    layout::page(pages, session, "Search", "/search").body(html! {
        @if session.user.readable.is_empty() {
            p { "Not for this role: it may read no table. An administrator lets it: " code { "cds-hub web --grant ROLE --values" } "." }
        } @else {
            (form.render())
        }
        (found)
    })
}

fn rows(found: &[Found], values: bool) -> Markup {
    let heads: &[&str] = match values {
        true => &["Table", "Row", "Version", "In the hub since"],
        false => &["Table", "Row", "In the hub since"],
    };
    let mut table = Table::new(
        format!("{} rows, the newest of each table first", found.len()),
        heads,
    );
    for one in found {
        let path = format!("/trace/{}/{}", one.table, one.id);
        let mut row = vec![html! { (one.table) }, html! { a href=(path) { (one.id) } }];
        row.extend(values.then(|| html! { (one.version.as_deref().unwrap_or("unknown")) }));
        row.push(html! { (one.since) });
        table.push(row);
    }
    match table.is_empty() {
        true => html! { p { "Nothing is stored under this id." } },
        false => table.render(),
    }
}
