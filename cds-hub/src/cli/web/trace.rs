//! From which resources and versions a row was made, and when: places first, values when asked for.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cds_hub::lineage::Origin;
use cds_hub::{ErrorKind, Result};
use maud::{Markup, html};
use web_pages::{Form, Session, Submission, Table, Visitor};

use super::answer::{Answer, Asker};
use super::layout;
use super::site::{Pages, User};
use crate::cli::trace::{Source, sources};

/// Sources named in each list.
const MOST: usize = 100;
/// Row ids named of one source.
const IDS: usize = 5;

/// A row with the cells that are not empty, where they were asked for.
type Cells = Vec<(String, String)>;

/// Table and row id of the path. What is neither is not found.
pub(super) type Place = Path<(String, String)>;

/// Where a row came from, without values.
pub(super) async fn places(
    State(pages): State<Pages>,
    Visitor(session): Visitor<User>,
    Path(place): Place,
) -> Response {
    page(&pages, &session, place, false).await
}

/// The same with values.
pub(super) async fn values(
    State(pages): State<Pages>,
    Path(place): Place,
    submission: Submission<User>,
) -> Response {
    let values = submission.get("show") == "1";
    page(&pages, &submission.session, place, values).await
}

async fn page(
    pages: &Pages,
    session: &Session<User>,
    (table, id): (String, String),
    values: bool,
) -> Response {
    let user = &session.user;
    let (Ok(id), Some(stored)) = (id.parse::<i32>(), user.model.table(&table)) else {
        return layout::missing(pages, session);
    };
    // What may be seen of a table is seen of its rows' way too.
    let answer = match user.readable.may_see(&stored.name) {
        true => {
            Asker::new(pages.limit)
                .ask(traced(user, &table, id, values))
                .await
        }
        false => Answer::NotForRole,
    };
    if matches!(&answer, Answer::Failed(error) if error.kind() == ErrorKind::NotFound) {
        return layout::missing(pages, session);
    }
    let path = format!("/trace/{table}/{id}");
    let body = html! {
        (answer.show(|rows| html! {
            @for (origins, cells) in &rows { (row(origins, cells, values)) }
            @if !values {
                (Form::new(&path, &session.token).submit("Show values").body(html! {
                    p.soft { "Values are patient data; others may see the screen." }
                    input type="hidden" name="show" value="1";
                }).render())
            }
        }))
    };
    layout::page(pages, session, format!("{table} {id}"), "/search")
        .below("Search", "/search")
        .body(body)
        .into_response()
}

/// All rows with the id, each with what it was made from.
async fn traced(user: &User, table: &str, id: i32, values: bool) -> Result<Vec<(Vec<Origin>, Cells)>> {
    let origins = user.hub.trace(&user.model, table, id, None).await?;
    let mut rows: Vec<(Vec<Origin>, Cells)> = Vec::new();
    for origin in origins {
        match (origin.depth, rows.last_mut()) {
            (1.., Some((of, _))) => of.push(origin),
            _ => {
                let cells = match values {
                    true => user.hub.cells(&user.model, &origin).await?,
                    false => Vec::new(),
                };
                rows.push((vec![origin], cells));
            }
        }
    }
    Ok(rows)
}

fn row(origins: &[Origin], cells: &Cells, values: bool) -> Markup {
    let Some((row, below)) = origins.split_first() else {
        return html! {};
    };
    let text = |text: &Option<String>| html! { (text.as_deref().unwrap_or("unknown")) };
    let mut facts = vec![
        ("In the hub since", text(&row.since)),
        ("Confirmed last", text(&row.confirmed)),
        (
            "Readers see it",
            html! { (if row.is_current { "yes" } else { "no, it is superseded" }) },
        ),
    ];
    if values {
        facts.extend(
            row.resource
                .as_ref()
                .map(|resource| ("Resource", html! { (resource) })),
        );
        facts.extend(
            row.version
                .as_ref()
                .map(|version| ("Version", html! { (version) })),
        );
    }
    let (current, older): (Vec<_>, Vec<_>) = sources(below).into_iter().partition(|source| source.is_current);
    html! {
        (layout::facts(facts))
        @if !cells.is_empty() {
            h2 { "Cells" }
            (layout::facts(cells.iter().map(|(name, value)| (name.as_str(), html! { (value) }))))
        }
        h2 { "Made from" }
        @if current.is_empty() && older.is_empty() {
            p { "No source is known: it came into the hub as it is." }
        }
        @if !current.is_empty() { (list("Sources that readers see", &current, values)) }
        @if !older.is_empty() { (list("Older sources, superseded since", &older, values)) }
    }
}

fn list(caption: &str, sources: &[Source<'_>], values: bool) -> Markup {
    let heads: &[&str] = match values {
        true => &["Raw row", "Rows", "Downloaded", "Typed", "Resource", "Version"],
        false => &["Raw row", "Rows", "Downloaded", "Typed"],
    };
    let more = sources.len().saturating_sub(MOST);
    let mut table = Table::new(caption, heads);
    for source in sources.iter().take(MOST) {
        let first = source.typed.first();
        let since = |origin: Option<&&Origin>| {
            let since = origin.and_then(|origin| origin.since.clone());
            html! { (since.unwrap_or_default()) }
        };
        let mut cells = vec![
            html! { @if let Some(raw) = source.raw { (link(raw)) } },
            html! {
                @for (at, typed) in source.typed.iter().take(IDS).enumerate() { @if at > 0 { ", " } (link(typed)) }
                @if source.typed.len() > IDS { " and " (source.typed.len() - IDS) " more" }
            },
            since(source.raw.as_ref()),
            since(first),
        ];
        if values {
            let of = source.raw.or(first.copied());
            let resource = of.and_then(|of| of.resource.as_deref()).unwrap_or_default();
            let version = of.and_then(|of| of.version.as_deref()).unwrap_or_default();
            cells.extend([html! { (resource) }, html! { (version) }]);
        }
        table.push(cells);
    }
    html! {
        (table.render())
        @if more > 0 { p.soft { "And " (more) " more: " code { "cds-hub trace --all" } " names them." } }
    }
}

fn link(origin: &Origin) -> Markup {
    match origin.id {
        Some(id) => html! { a href={ "/trace/" (origin.table) "/" (id) } { (origin.table) " " (id) } },
        None => html! { (origin.table) " without id" },
    }
}
