//! One form of a record, to be read and filled in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, PreEscaped, html};
use web_pages::{Choice, Form, Input, Notice, Page, Session, Visitor};

use super::answers::{Answers, BOXES};
use super::layout;
use super::row::{FormRow, newest};
use super::sheet::Sheet;
use super::site::{Pages, User};
use crate::Result;
use crate::dictionary::{Field, FieldKind};

/// Name under which a form brings back which content it was made from.
pub(super) const STAMP: &str = "_stamp";

/// Which form of which record.
pub(super) struct Place<'p> {
    pub(super) sheet: &'p Sheet,
    pub(super) record: String,
    /// Which repetition; `None` where the form does not repeat, or for a new one.
    pub(super) instance: Option<u32>,
    pub(super) is_new: bool,
    /// The newest content; blank for a new one.
    pub(super) row: FormRow,
    /// Answers of the record's form that does not repeat.
    pub(super) others: Answers,
}

/// What a page of a form says beside the answers.
#[derive(Default)]
pub(super) struct Remarks {
    pub(super) notice: Option<Notice>,
    /// By column.
    pub(super) faults: BTreeMap<String, String>,
}

/// The segments of a form's path.
pub(super) type Segments = (String, String, String);

impl<'p> Place<'p> {
    /// `None` where the record, the form or the repetition is not there.
    pub(super) async fn find(pages: &'p Pages, segments: Segments) -> Result<Option<Self>> {
        let (record, form, number) = segments;
        let Some(sheet) = pages.sheet(&form) else {
            return Ok(None);
        };
        let (instance, is_new) = match (number.as_str(), sheet.repeats) {
            ("new", true) => (None, true),
            ("0", _) => (None, false),
            (number, true) => match number.parse() {
                Ok(number @ 1..) => (Some(number), false),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let rows = newest(&pages.hub, sheet, Some(&record)).await?;
        let found = rows.into_iter().find(|row| !is_new && row.instance == instance);
        let mut known = found.is_some();
        let mut others = Answers::default();
        for other in &pages.sheets {
            if !known || !other.repeats {
                let rows = newest(&pages.hub, other, Some(&record)).await?;
                known |= !rows.is_empty();
                if let Some(row) = rows.first().filter(|_| !other.repeats) {
                    others = Answers::of_row(other, row);
                }
            }
        }
        // A form that does not repeat may be begun; a repetition that is not there is none.
        if !known || (found.is_none() && !is_new && sheet.repeats) {
            return Ok(None);
        }
        Ok(Some(Self {
            sheet,
            instance,
            is_new,
            row: found.unwrap_or_default(),
            record,
            others,
        }))
    }

    pub(super) fn path(&self) -> String {
        if self.is_new {
            let (record, form) = (
                layout::segment(&self.record),
                layout::segment(&self.sheet.form.name),
            );
            return format!("/record/{record}/{form}/new");
        }
        layout::path(&self.record, &self.sheet.form.name, self.instance)
    }

    /// The page with these answers.
    pub(super) fn page(
        &self,
        pages: &Pages,
        session: &Session<User>,
        answers: &Answers,
        remarks: Remarks,
    ) -> Page {
        let label = layout::words(&self.sheet.form.label);
        let title = match self.instance {
            Some(instance) => format!("{label} no. {instance}"),
            None => label,
        };
        let hidden = answers.hidden(self.sheet, &self.others);
        let path = self.path();
        let shown = format!("{path}/shown");
        let form = Form::new(&path, &session.token)
            .shown_by(&shown)
            .body(html! {
                input type="hidden" name=(STAMP) value=(self.row.stamp());
                (self.fields(answers, &hidden, &remarks.faults))
                (self.state(answers))
            })
            .more(html! {
                button.quiet type="submit" name="_again" value="1" data-without-script { "Show the questions that apply" }
                @if !self.is_new { a href={ (path) "/changes" } { "Who changed what" } }
            });
        layout::page(pages, session, title)
            .below("Cases", "/")
            .below(
                format!("Record {}", self.record),
                format!("/record/{}", layout::segment(&self.record)),
            )
            .notice(remarks.notice)
            .body(form.render())
    }

    fn fields(
        &self,
        answers: &Answers,
        hidden: &BTreeSet<String>,
        faults: &BTreeMap<String, String>,
    ) -> Markup {
        let own_id = format!("{}_fe_id", self.sheet.form.name);
        let fields: Vec<&Field> = self
            .sheet
            .form
            .fields
            .iter()
            .filter(|field| !self.sheet.is_kept_away(field) && field.name != own_id)
            .collect();
        html! {
            @for (at, field) in fields.iter().enumerate() {
                @if !field.section.is_empty() {
                    @let of_section = fields[at..].iter().enumerate().take_while(|(next, field)| *next == 0 || field.section.is_empty());
                    @let any = of_section.map(|(_, field)| field).any(|field| !hidden.contains(&field.name));
                    h2 data-section=(field.name) hidden[!any] { (layout::words(&field.section)) }
                }
                (self.field(field, answers, hidden.contains(&field.name), faults))
            }
        }
    }

    fn field(
        &self,
        field: &Field,
        answers: &Answers,
        hidden: bool,
        faults: &BTreeMap<String, String>,
    ) -> Markup {
        let label = layout::words(&field.label);
        if field.kind == FieldKind::Descriptive {
            return html! { p.words data-field=(field.name) hidden[hidden] { (label) } };
        }
        let note = layout::words(&field.note);
        let columns = self.sheet.columns_of(field);
        let fault = columns
            .iter()
            .find_map(|column| faults.get(column))
            .map_or("", String::as_str);
        let labels: Vec<String> = field
            .choices
            .iter()
            .map(|choice| layout::words(&choice.label))
            .collect();
        let value = if field.name == self.record_field() {
            self.record.as_str()
        } else {
            answers.get(&field.name)
        };
        let open = self.sheet.is_open(field);
        let shown = shown(field, &labels, answers, &columns, value);
        let input = if open {
            input(field, &labels, answers, &columns, value)
        } else {
            Input::Shown(&shown)
        };
        let rendered = web_pages::Field {
            name: &field.name,
            label: &label,
            note: &note,
            fault,
            required: field.required && open,
            hidden,
            input,
        }
        .render();
        let boxes = open && field.kind == FieldKind::Checkbox;
        html! {
            (rendered)
            @if boxes { input type="hidden" name=(BOXES) value=(field.name); }
        }
    }

    fn record_field(&self) -> &str {
        self.sheet
            .form
            .fields
            .first()
            .filter(|_| !self.sheet.repeats)
            .map_or("", |field| &field.name)
    }

    fn state(&self, answers: &Answers) -> Markup {
        let name = self.sheet.form.complete_field();
        if self.sheet.position(&name).is_none() {
            return PreEscaped(String::new());
        }
        let now = answers.get(&name);
        let states = [("0", "Incomplete"), ("1", "Unverified"), ("2", "Complete")];
        let choices = states.map(|(code, label)| Choice {
            code,
            label,
            chosen: code == now,
        });
        let field = web_pages::Field {
            name: &name,
            label: "State of this form",
            input: Input::Select(choices.into()),
            ..web_pages::Field::default()
        };
        html! { h2 { "State" } (field.render()) }
    }
}

/// How a field is answered.
fn input<'f>(
    field: &'f Field,
    labels: &'f [String],
    answers: &Answers,
    columns: &'f [String],
    value: &'f str,
) -> Input<'f> {
    let choices = || {
        let listed = field.choices.iter().zip(labels).map(|(choice, label)| Choice {
            code: &choice.code,
            label,
            chosen: choice.code == value,
        });
        let mut choices: Vec<Choice<'f>> = listed.collect();
        // What is stored and none of the answers stays unless another is chosen.
        if !value.is_empty() && !choices.iter().any(|choice| choice.chosen) {
            choices.push(Choice {
                code: value,
                label: value,
                chosen: true,
            });
        }
        choices
    };
    match field.kind {
        FieldKind::Notes => Input::Lines(value),
        FieldKind::Dropdown => Input::Select(choices()),
        FieldKind::Radio | FieldKind::YesNo | FieldKind::TrueFalse => Input::Buttons(choices()),
        FieldKind::Checkbox => {
            let boxes = columns.iter().zip(labels).map(|(column, label)| Choice {
                code: column,
                label,
                chosen: answers.get(column) == "1",
            });
            Input::Boxes(boxes.collect())
        }
        _ => line(field, value),
    }
}

/// One line; a date or moment gets the browser's control only where that can show what is stored.
fn line<'f>(field: &Field, value: &'f str) -> Input<'f> {
    let is_day = |text: &str| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    let validation = field.validation.as_str();
    let (kind, step) = if validation.starts_with("datetime") {
        let fits = value.is_empty() || value.parse::<jiff::civil::DateTime>().is_ok();
        let step = if validation.starts_with("datetime_seconds") {
            "1"
        } else {
            ""
        };
        if fits {
            ("datetime-local", step)
        } else {
            ("text", "")
        }
    } else if validation.starts_with("date") && (value.is_empty() || is_day(value)) {
        ("date", "")
    } else if validation == "time" && (value.is_empty() || value.len() == 5) {
        ("time", "")
    } else {
        ("text", "")
    };
    Input::Line {
        kind,
        value,
        step,
        autocomplete: "",
    }
}

/// A field that cannot be answered here.
fn shown(field: &Field, labels: &[String], answers: &Answers, columns: &[String], value: &str) -> String {
    match field.kind {
        FieldKind::File => "Files are not kept here.".to_owned(),
        FieldKind::Checkbox => {
            let ticked = columns
                .iter()
                .zip(labels)
                .filter(|(column, _)| answers.get(column) == "1");
            ticked
                .map(|(_, label)| label.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        }
        _ => {
            let choice = field
                .choices
                .iter()
                .zip(labels)
                .find(|(choice, _)| choice.code == value);
            let text = choice.map_or(value, |(_, label)| label);
            if text.is_empty() {
                "–".to_owned()
            } else {
                text.to_owned()
            }
        }
    }
}

/// The form as the hub has it.
pub(super) async fn show(
    State(pages): State<Pages>,
    Visitor(session): Visitor<User>,
    Path(segments): Path<Segments>,
    Query(told): Query<HashMap<String, String>>,
) -> Response {
    match Place::find(&pages, segments).await {
        Ok(Some(place)) => {
            let answers = Answers::of_row(place.sheet, &place.row);
            let saved = told.get("saved").and_then(|count| count.parse::<usize>().ok());
            let remarks = Remarks {
                notice: saved.map(|count| Notice::Good(format!("Saved: {count} changed."))),
                ..Remarks::default()
            };
            place.page(&pages, &session, &answers, remarks).into_response()
        }
        Ok(None) => layout::missing(&pages, &session),
        Err(error) => layout::failure(&pages, &session, &error),
    }
}
