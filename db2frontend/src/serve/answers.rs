//! The answers of a form: from the hub, as somebody sent them, and back.

use std::collections::{BTreeMap, BTreeSet};

use table_description::FhirType;
use table_description::typing::Zone;

use super::row::FormRow;
use super::sheet::Sheet;
use crate::dictionary::{Field, FieldKind};

/// Name under which a form says which boxes it showed: a box that is not ticked is not sent.
pub(super) const BOXES: &str = "_boxes";

/// Values as the frontend writes them, by column.
#[derive(Clone, Default)]
pub(super) struct Answers(BTreeMap<String, String>);

/// One value that somebody changed.
#[derive(Clone)]
pub(super) struct Changed {
    pub(super) column: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl Answers {
    /// What the hub has.
    pub(super) fn of_row(sheet: &Sheet, row: &FormRow) -> Self {
        let columns = sheet.table.columns.iter().enumerate();
        let values = columns.filter_map(|(at, column)| {
            let value = row.cells.get(at)?.as_deref()?;
            let coded = sheet.codec(at)?.to_frontend(value);
            // What is none of the choices is shown as it is.
            Some((column.name.clone(), coded.unwrap_or_else(|| value.to_owned())))
        });
        let mut answers = Self(values.collect());
        let state = row.state(sheet);
        if !state.is_empty() {
            answers.0.insert(sheet.form.complete_field(), state);
        }
        answers
    }

    /// These answers with those that were sent; what a form cannot send stays.
    pub(super) fn with(&self, sheet: &Sheet, pairs: &[(String, String)]) -> Self {
        let mut answers = self.clone();
        let sent = |name: &str| {
            pairs
                .iter()
                .rev()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value.as_str())
        };
        for field in sheet.form.fields.iter().filter(|field| sheet.is_open(field)) {
            if field.kind == FieldKind::Checkbox {
                if pairs
                    .iter()
                    .any(|(name, value)| name == BOXES && *value == field.name)
                {
                    for column in sheet.columns_of(field) {
                        let ticked = sent(&column).is_some();
                        answers
                            .0
                            .insert(column, if ticked { "1" } else { "0" }.to_owned());
                    }
                }
            } else if let Some(value) = sent(&field.name) {
                answers.0.insert(field.name.clone(), prepared(field, value));
            }
        }
        let state = sheet.form.complete_field();
        if let Some(value @ ("0" | "1" | "2")) = sent(&state) {
            answers.0.insert(state, value.to_owned());
        }
        answers
    }

    pub(super) fn get(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// Fields that these answers hide. `others` are the answers of the record's form that does not repeat.
    pub(super) fn hidden(&self, sheet: &Sheet, others: &Self) -> BTreeSet<String> {
        let value = |name: &str, option: Option<&str>| {
            let column = match option {
                Some(code) => crate::dictionary::column_of_option(name, code),
                None => name.to_owned(),
            };
            let own = sheet.form.field(name).is_some() || name == sheet.form.complete_field();
            if own {
                Some(self.get(&column).to_owned())
            } else {
                others.0.get(&column).cloned()
            }
        };
        let hides = |field: &&Field| {
            field
                .branching
                .as_ref()
                .is_some_and(|branching| !branching.shows(&value))
        };
        sheet
            .form
            .fields
            .iter()
            .filter(hides)
            .map(|field| field.name.clone())
            .collect()
    }

    /// What differs from what the hub has, without hidden fields: their values stay. Faults by field.
    #[expect(
        clippy::type_complexity,
        reason = "cells and changes, or faults by field: read once, here"
    )]
    pub(super) fn changes(
        &self,
        sheet: &Sheet,
        row: &FormRow,
        hidden: &BTreeSet<String>,
    ) -> Result<(Vec<Option<String>>, Vec<Changed>), BTreeMap<String, String>> {
        let stored = Self::of_row(sheet, row);
        let mut cells = row.cells.clone();
        cells.resize(sheet.table.columns.len(), None);
        let (mut changed, mut faults) = (Vec::new(), BTreeMap::new());
        let fields = sheet
            .form
            .fields
            .iter()
            .filter(|field| sheet.is_open(field) && !hidden.contains(&field.name));
        let columns = fields.flat_map(|field| {
            sheet
                .columns_of(field)
                .into_iter()
                .map(move |column| (Some(field), column))
        });
        for (field, column) in columns.chain([(None, sheet.form.complete_field())]) {
            let Some(at) = sheet.position(&column) else {
                continue;
            };
            let Some(codec) = sheet.codec(at) else { continue };
            let (before, after) = (stored.get(&column), self.get(&column));
            let zone = Zone::berlin();
            if before == after || codec.same(row.get(sheet, &column), after, &zone) {
                continue;
            }
            let unlisted = field.is_some_and(|field| !is_listed(field, after));
            match codec.to_hub(after, &zone) {
                _ if unlisted => drop(faults.insert(column, "This is none of the answers.".to_owned())),
                Err(_) => drop(faults.insert(column, wanted(codec.value_type()).to_owned())),
                Ok(value) => {
                    if let Some(cell) = cells.get_mut(at) {
                        *cell = value;
                    }
                    changed.push(Changed {
                        before: before.to_owned(),
                        after: after.to_owned(),
                        column,
                    });
                }
            }
        }
        if faults.is_empty() {
            Ok((cells, changed))
        } else {
            Err(faults)
        }
    }
}

/// A value as dictionaries write it: a moment of a browser has a T.
fn prepared(field: &Field, value: &str) -> String {
    if field.validation.starts_with("datetime") {
        return value.replacen('T', " ", 1);
    }
    value.to_owned()
}

/// Whether a value is one of a field's choices, where it has some.
fn is_listed(field: &Field, value: &str) -> bool {
    value.is_empty()
        || field.kind == FieldKind::Checkbox
        || field.choices.is_empty()
        || field.choices.iter().any(|choice| choice.code == value)
}

fn wanted(value_type: FhirType) -> &'static str {
    match value_type {
        FhirType::Integer => "A whole number is wanted here.",
        FhirType::Decimal => "A number is wanted here.",
        FhirType::Date => "A day is wanted here, such as 2026-01-31.",
        FhirType::DateTime => "A moment is wanted here, such as 2026-01-31 14:30.",
        _ => "This cannot be stored here.",
    }
}
