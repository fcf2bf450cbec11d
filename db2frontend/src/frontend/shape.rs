use std::sync::Arc;

use table_description::TableDescription;

use crate::api::Project;
use crate::describe::STANDARD;
use crate::value::Codec;

/// A form as both sides know it.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Name of the form, such as `fall`.
    pub form: String,
    /// Its table in the hub, such as `fall_fe`.
    pub table: Arc<TableDescription>,
    /// How each column of the table is written; `None` for the standard columns and those the project has not.
    pub codecs: Vec<Option<Codec>>,
    /// Whether the form repeats within a record.
    pub repeats: bool,
    /// Position of the column with the form's state.
    pub complete: Option<usize>,
}

impl Shape {
    /// The form of this table in a project; `None` where the project has no such form.
    pub(super) fn new(table: &Arc<TableDescription>, project: &Project, plain: bool) -> Option<Self> {
        let form = table.name.strip_suffix("_fe").unwrap_or(&table.name).to_owned();
        if !plain {
            project.dictionary.form(&form)?;
        }
        let is_standard = |name: &str| STANDARD.iter().any(|(standard, _)| *standard == name);
        let codecs = table
            .columns
            .iter()
            .map(|column| {
                if is_standard(&column.name) {
                    None
                } else if plain {
                    Some(Codec::plain(column))
                } else {
                    Codec::of_project(column, &form, &project.dictionary)
                        .filter(|_| project.columns.contains(&column.name))
                }
            })
            .collect();
        let complete = table.position(&format!("{form}_complete"));
        Some(Self {
            repeats: project.repeating.contains(&form),
            complete,
            codecs,
            table: Arc::clone(table),
            form,
        })
    }

    /// Position of the column that, with the record, tells what a row is about; `None` where only the instance does.
    #[must_use]
    pub fn subject(&self) -> Option<usize> {
        match self.form.as_str() {
            "patient" => self.table.position("pat_id"),
            "fall" => self.table.position("fall_fhir_enc_id"),
            _ => None,
        }
    }

    /// How many fields of the project it has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.codecs.iter().flatten().count()
    }

    /// The codec of a column.
    #[must_use]
    pub fn codec(&self, column: usize) -> Option<&Codec> {
        self.codecs.get(column)?.as_ref()
    }

    /// The value of a standard column.
    pub(crate) fn standard(&self, column: usize) -> Option<&str> {
        let name = &self.table.columns.get(column)?.name;
        STANDARD
            .iter()
            .find(|(standard, _)| standard == name)
            .map(|(standard, _)| *standard)
    }
}
