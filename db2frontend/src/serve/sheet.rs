use std::sync::Arc;

use table_description::{Description, TableDescription};

use crate::dictionary::{Dictionary, Field, FieldKind, Form, column_of_option};
use crate::value::Codec;

/// A form with its table in the hub.
pub(super) struct Sheet {
    pub(super) form: Form,
    pub(super) table: Arc<TableDescription>,
    /// How each column of the table is written; `None` for the standard columns.
    codecs: Vec<Option<Codec>>,
    /// Whether the form repeats within a record; all but the first one do.
    pub(super) repeats: bool,
    record_field: String,
}

/// The columns that every form begins with.
const STANDARD: [&str; 4] = [
    "record_id",
    "redcap_repeat_instrument",
    "redcap_repeat_instance",
    "redcap_data_access_group",
];

impl Sheet {
    /// `None` where the hub has no table of this form.
    pub(super) fn new(
        form: &Form,
        tables: &Description,
        dictionary: &Dictionary,
        repeats: bool,
    ) -> Option<Self> {
        let name = format!("{}_fe", form.name);
        let table = tables
            .tables
            .iter()
            .find(|table| table.name == name || table.name == form.name)?;
        let codecs = table.columns.iter().map(|column| {
            let standard = STANDARD.contains(&column.name.as_str());
            (!standard)
                .then(|| Codec::of_project(column, &form.name, dictionary))
                .flatten()
        });
        Some(Self {
            codecs: codecs.collect(),
            form: form.clone(),
            table: Arc::clone(table),
            repeats,
            record_field: dictionary.record_field().to_owned(),
        })
    }

    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.table.position(column)
    }

    pub(super) fn codec(&self, at: usize) -> Option<&Codec> {
        self.codecs.get(at)?.as_ref()
    }

    /// Columns that hold a field's value: one, or one an option of a checkbox.
    pub(super) fn columns_of(&self, field: &Field) -> Vec<String> {
        match field.kind {
            FieldKind::Descriptive => Vec::new(),
            FieldKind::Checkbox => field
                .choices
                .iter()
                .map(|choice| column_of_option(&field.name, &choice.code))
                .collect(),
            _ => vec![field.name.clone()],
        }
    }

    /// Whether somebody may answer a field here: it has its columns, and is neither computed nor kept from people.
    pub(super) fn is_open(&self, field: &Field) -> bool {
        let own_id = format!("{}_fe_id", self.form.name);
        field.kind.is_writable()
            && !field.has_tag("@READONLY")
            && !self.is_kept_away(field)
            && field.name != self.record_field
            && field.name != own_id
            && self
                .columns_of(field)
                .iter()
                .all(|column| self.position(column).is_some())
    }

    /// Whether a field is never shown.
    pub(super) fn is_kept_away(&self, field: &Field) -> bool {
        field.has_tag("@HIDDEN") || field.name.starts_with("db_filter_")
    }
}
