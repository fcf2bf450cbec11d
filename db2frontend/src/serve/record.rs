//! One record: who it is, and its forms.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use web_pages::{Session, Table, Visitor};

use super::cases::name_of;
use super::layout;
use super::row::{FormRow, newest};
use super::sheet::Sheet;
use super::site::{Pages, User};
use crate::Result;

/// Fields of the patient's form that stand above the forms.
const FACTS: [&str; 5] = [
    "pat_gebdat",
    "pat_aktuell_alter",
    "pat_geschlecht",
    "pat_cis_pid",
    "pat_id",
];
/// Fields that tell one repetition from another, the first that has a value.
const TELLING: [&str; 6] = [
    "fall_id",
    "meda_dat",
    "meda_id",
    "mrp_id",
    "ret_id",
    "fall_fhir_enc_id",
];

/// The record.
pub(super) async fn show(
    State(pages): State<Pages>,
    Visitor(session): Visitor<User>,
    Path(record): Path<String>,
) -> Response {
    match render(&pages, &session, &record).await {
        Ok(Some(response)) => response,
        Ok(None) => layout::missing(&pages, &session),
        Err(error) => layout::failure(&pages, &session, &error),
    }
}

async fn render(pages: &Pages, session: &Session<User>, record: &str) -> Result<Option<Response>> {
    let mut forms = Vec::new();
    for sheet in &pages.sheets {
        forms.push((sheet, newest(&pages.hub, sheet, Some(record)).await?));
    }
    if forms.iter().all(|(_, rows)| rows.is_empty()) {
        return Ok(None);
    }
    let mut title = format!("Record {record}");
    let mut facts = html! {};
    if let Some((sheet, rows)) = forms.iter().find(|(sheet, _)| sheet.form.name == "patient")
        && let Some(row) = rows.first()
    {
        title = name_of(sheet, row, record);
        facts = facts_of(sheet, row);
    }
    let page = layout::page(pages, session, title)
        .below("Cases", "/")
        .body(html! {
            (facts)
            @for (sheet, rows) in &forms { (part(sheet, rows, record)) }
        });
    Ok(Some(page.into_response()))
}

fn facts_of(sheet: &Sheet, row: &FormRow) -> Markup {
    html! {
        dl.facts {
            @for field in FACTS.iter().filter_map(|name| sheet.form.field(name)) {
                @let value = row.shown(sheet, &field.name);
                @if !value.is_empty() { div { dt { (layout::words(&field.label)) } dd { (value) } } }
            }
        }
    }
}

fn part(sheet: &Sheet, rows: &[FormRow], record: &str) -> Markup {
    let name = &sheet.form.name;
    let label = layout::words(&sheet.form.label);
    if !sheet.repeats {
        let state = rows.first().map(|row| row.state(sheet)).unwrap_or_default();
        return html! {
            h2 { (label) }
            p { a.button.quiet href=(layout::path(record, name, None)) { "Open" } " " (layout::state(&state)) }
        };
    }
    let mut table = Table::new(format!("{} filled in", rows.len()), &["Number", "About", "State"]);
    for row in rows {
        let number = row
            .instance
            .map_or_else(|| "–".to_owned(), |instance| instance.to_string());
        let about = TELLING
            .iter()
            .map(|column| row.shown(sheet, column))
            .find(|text| !text.is_empty());
        table.push(vec![
            html! { a href=(layout::path(record, name, row.instance)) { "No. " (number) } },
            html! { (about.unwrap_or_default()) },
            layout::state(&row.state(sheet)),
        ]);
    }
    html! {
        h2 { (label) }
        @if !table.is_empty() { (table.render()) }
        p { a.button.quiet href={ "/record/" (layout::segment(record)) "/" (layout::segment(name)) "/new" } { "Add another" } }
    }
}
