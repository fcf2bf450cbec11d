//! The case list: wards, patients, cases.

use std::collections::{BTreeSet, HashMap};

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use web_pages::{Table, Visitor};

use super::layout;
use super::row::{FormRow, newest};
use super::sheet::Sheet;
use super::site::{Pages, User};
use crate::Result;

/// Cases on one page.
const A_PAGE: usize = 100;

/// What the list is narrowed to: `ward`, `q` (words of patient or case), `page` counted from 1.
type Narrowing = HashMap<String, String>;

/// One line of the list.
struct Case {
    ward: String,
    patient: String,
    born: String,
    number: String,
    admitted: String,
    diagnosis: String,
    state: String,
    record: String,
    path: String,
}

/// The list.
pub(super) async fn list(
    State(pages): State<Pages>,
    Visitor(session): Visitor<User>,
    Query(asked): Query<Narrowing>,
) -> Response {
    let cases = match cases(&pages).await {
        Ok(cases) => cases,
        Err(error) => return layout::failure(&pages, &session, &error),
    };
    let get = |name: &str| asked.get(name).map_or("", |value| value.trim());
    let (ward, words) = (get("ward"), get("q").to_lowercase());
    let wards: BTreeSet<&str> = cases
        .iter()
        .map(|case| case.ward.as_str())
        .filter(|ward| !ward.is_empty())
        .collect();
    let fits = |case: &&Case| {
        (ward.is_empty() || case.ward == ward)
            && words.split_whitespace().all(|word| {
                [&case.patient, &case.number, &case.record]
                    .iter()
                    .any(|text| text.to_lowercase().contains(word))
            })
    };
    let found: Vec<&Case> = cases.iter().filter(fits).collect();
    let last = found.len().div_ceil(A_PAGE).max(1);
    let number = get("page").parse().unwrap_or(1_usize).clamp(1, last);
    let begin = (number - 1) * A_PAGE;
    let shown = found
        .get(begin..(begin + A_PAGE).min(found.len()))
        .unwrap_or_default();
    let caption = format!("{} of {} cases", found.len(), cases.len());
    let heads = [
        "Ward",
        "Patient",
        "Born",
        "Case",
        "Admitted",
        "Diagnosis",
        "State",
    ];
    let mut table = Table::new(caption, &heads);
    for case in shown {
        table.push(vec![
            html! { (case.ward) },
            html! { a href={ "/record/" (layout::segment(&case.record)) } { (case.patient) } },
            html! { (case.born) },
            html! { a href=(case.path) { (case.number) } },
            html! { (case.admitted) },
            html! { (case.diagnosis) },
            layout::state(&case.state),
        ]);
    }
    let turn = |to: usize, label: &str| {
        let path = format!(
            "/?ward={}&q={}&page={to}",
            layout::segment(ward),
            layout::segment(get("q"))
        );
        html! { a.button.quiet href=(path) { (label) } " " }
    };
    let page = layout::page(&pages, &session, "Cases").body(html! {
        (filter(&wards, ward, get("q")))
        @if cases.is_empty() { p { "The hub has no cases yet." } }
        @else if found.is_empty() { p { "No case fits." } }
        @else { (table.render()) }
        @if last > 1 {
            p {
                @if number > 1 { (turn(number - 1, "Before")) }
                "Page " (number) " of " (last) " "
                @if number < last { (turn(number + 1, "Next")) }
            }
        }
    });
    page.into_response()
}

fn filter(wards: &BTreeSet<&str>, ward: &str, words: &str) -> Markup {
    html! {
        form.filter method="get" action="/" role="search" {
            label {
                "Ward" br;
                select name="ward" {
                    option value="" { "All wards" }
                    @for name in wards { option value=(name) selected[*name == ward] { (name) } }
                }
            }
            label { "Patient or case" br; input type="search" name="q" value=(words); }
            button type="submit" { "Show" }
        }
    }
}

/// All cases, by ward and patient.
async fn cases(pages: &Pages) -> Result<Vec<Case>> {
    let (Some(cases), Some(people)) = (pages.sheet("fall"), pages.sheet("patient")) else {
        return records(pages).await;
    };
    let rows = newest(&pages.hub, people, None).await?;
    let known: HashMap<&str, &FormRow> = rows.iter().map(|row| (row.record.as_str(), row)).collect();
    let mut list: Vec<Case> = newest(&pages.hub, cases, None)
        .await?
        .iter()
        .map(|row| case(cases, people, row, known.get(row.record.as_str()).copied()))
        .collect();
    let with_case: BTreeSet<String> = list.iter().map(|case| case.record.clone()).collect();
    list.extend(
        rows.iter()
            .filter(|row| !with_case.contains(&row.record))
            .map(|row| without_case(people, row)),
    );
    list.sort_by(|a, b| {
        (&a.ward, &a.patient, &a.admitted, &a.path).cmp(&(&b.ward, &b.patient, &b.admitted, &b.path))
    });
    Ok(list)
}

fn case(cases: &Sheet, people: &Sheet, row: &FormRow, person: Option<&FormRow>) -> Case {
    let nobody = FormRow::default();
    let person = person.unwrap_or(&nobody);
    let first = |texts: &[&str]| {
        texts
            .iter()
            .find(|text| !text.is_empty())
            .map(|text| (*text).to_owned())
    };
    let instance = row
        .instance
        .map(|instance| format!("no. {instance}"))
        .unwrap_or_default();
    Case {
        ward: row.get(cases, "fall_station").to_owned(),
        patient: name_of(people, person, &row.record),
        born: person.get(people, "pat_gebdat").to_owned(),
        number: first(&[
            row.get(cases, "fall_id"),
            row.get(cases, "fall_fhir_enc_id"),
            &instance,
        ])
        .unwrap_or_default(),
        admitted: row
            .shown(cases, "fall_aufn_dat")
            .get(..16)
            .map_or_else(|| row.shown(cases, "fall_aufn_dat"), str::to_owned),
        diagnosis: row.shown(cases, "fall_aufn_diag"),
        state: row.state(cases),
        record: row.record.clone(),
        path: layout::path(&row.record, &cases.form.name, row.instance),
    }
}

/// A patient who has no case yet.
fn without_case(people: &Sheet, row: &FormRow) -> Case {
    Case {
        ward: String::new(),
        patient: name_of(people, row, &row.record),
        born: row.get(people, "pat_gebdat").to_owned(),
        number: "no case".to_owned(),
        admitted: String::new(),
        diagnosis: String::new(),
        state: String::new(),
        record: row.record.clone(),
        path: format!("/record/{}", layout::segment(&row.record)),
    }
}

/// Family and given name; else the patient's number, else the record's.
pub(super) fn name_of(people: &Sheet, row: &FormRow, record: &str) -> String {
    let names: Vec<&str> = ["pat_name", "pat_vorname"]
        .iter()
        .map(|column| row.get(people, column))
        .filter(|name| !name.is_empty())
        .collect();
    if !names.is_empty() {
        return names.join(", ");
    }
    match ["pat_cis_pid", "pat_id"]
        .iter()
        .map(|column| row.get(people, column))
        .find(|id| !id.is_empty())
    {
        Some(id) => format!("Patient {id}"),
        None => format!("Record {record}"),
    }
}

/// In a project of other forms: its records, by the first form.
async fn records(pages: &Pages) -> Result<Vec<Case>> {
    let Some(sheet) = pages.sheets.first() else {
        return Ok(Vec::new());
    };
    let rows = newest(&pages.hub, sheet, None).await?;
    Ok(rows
        .iter()
        .map(|row| Case {
            number: row.record.clone(),
            state: row.state(sheet),
            ..without_case(sheet, row)
        })
        .collect())
}
