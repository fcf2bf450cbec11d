use super::super::catalogue::{Catalogue, same_type};
use crate::migrate::Question;
use crate::schema::{Kind, Model, StoredTable, identifier, inbox};

/// Schemas of the original system, in the order they are renamed.
pub(super) const SCHEMAS: [&str; 9] = [
    "cds2db_in",
    "cds2db_out",
    "db2dataprocessor_in",
    "db2dataprocessor_out",
    "db2frontend_in",
    "db2frontend_out",
    "db_log",
    "db_config",
    "db",
];

/// A permanent table of the original and the stored table it becomes.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) table: &'a StoredTable,
    /// Columns of the original with their types.
    pub(super) found: &'a [(String, String)],
}

impl<'a> Source<'a> {
    pub(super) fn find(table: &'a StoredTable, catalogue: &'a Catalogue) -> Option<Self> {
        Some(Self {
            table,
            found: catalogue.table("db_log", &table.name)?,
        })
    }

    /// The table after its schema was renamed.
    pub(super) fn original(self) -> String {
        format!("original_db_log.{}", identifier(&self.table.name))
    }

    /// What rows are read from: the original, or a copy that has a key of ours where the original's id repeats.
    pub(super) fn rows(self) -> String {
        match self.table.kind {
            Kind::Raw | Kind::Typed => self.original(),
            _ => format!("pg_temp.{}", identifier(&format!("adopted_{}", self.table.name))),
        }
    }

    pub(super) fn has(self, column: &str) -> bool {
        self.found.iter().any(|(name, _)| name == column)
    }

    /// The SQL of a technical column of alias `o`, or another expression where older originals do not have it.
    pub(super) fn technical(self, column: &str, otherwise: &str) -> String {
        if self.has(column) {
            format!("o.{column}")
        } else {
            otherwise.to_owned()
        }
    }

    /// Number, time and status of alias `o`, never NULL, as they identify an import.
    pub(super) fn arrival(self) -> String {
        format!(
            "coalesce({}, 0)",
            self.technical("input_processing_nr", "NULL::integer")
        )
    }

    pub(super) fn last(self) -> String {
        format!(
            "coalesce({}, {})",
            self.technical("last_processing_nr", "NULL::integer"),
            self.arrival()
        )
    }

    pub(super) fn checked(self) -> String {
        format!(
            "coalesce({}, {}, 'epoch')",
            self.technical("last_check_datetime", "NULL::timestamp"),
            self.technical("input_datetime", "NULL::timestamp")
        )
    }

    pub(super) fn status(self) -> String {
        format!(
            "coalesce({}, 'input')",
            self.technical("current_dataset_status", "NULL::text")
        )
    }

    /// The data columns that can be taken over as they are.
    pub(super) fn kept(self) -> impl Iterator<Item = &'a str> {
        self.table
            .columns
            .iter()
            .filter(move |c| {
                self.found
                    .iter()
                    .any(|(name, t)| *name == c.name && same_type(c.sql_type(), t))
            })
            .map(|c| c.name.as_str())
    }

    /// Columns that stay behind.
    pub(super) fn questions(self, questions: &mut Vec<Question>) {
        let table = &self.table.name;
        for (name, sql_type) in self.found {
            let technical = inbox::is_technical(name)
                || *name == self.table.id_column()
                || self.table.raw_id_column().as_deref() == Some(name);
            match self.table.columns.iter().find(|c| c.name == *name) {
                None if technical => {}
                None => questions.push(Question::Undescribed {
                    table: table.clone(),
                    column: name.clone(),
                }),
                Some(column) if same_type(column.sql_type(), sql_type) => {}
                Some(column) => questions.push(Question::Retyped {
                    table: table.clone(),
                    column: name.clone(),
                    from: sql_type.clone(),
                    to: column.sql_type().to_owned(),
                }),
            }
        }
    }
}

/// Permanent tables of the original that are not described.
pub(super) fn unknown<'a>(model: &Model, catalogue: &'a Catalogue) -> Vec<(&'a str, &'a str)> {
    let mut tables: Vec<(&str, &str)> = catalogue
        .tables()
        .filter(|(schema, table)| *schema == "db_log" && model.table(table).is_none())
        .collect();
    tables.sort_unstable();
    tables
}
