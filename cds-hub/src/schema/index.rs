use std::borrow::Cow;

use super::patient_reference::index_columns;
use super::{Kind, StoredTable, identifier};

const OF_PATIENT: &str = "the resources of a patient (dataprocessor)";

/// An index of the core and the query that needs it.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// Name within schema `core`.
    pub(crate) name: String,
    /// Table within schema `core`.
    table: String,
    unique: bool,
    /// Column list with what is included.
    columns: String,
    query: &'static str,
}

impl Index {
    /// The indexes of a stored table and its companions.
    pub(crate) fn of(table: &StoredTable) -> Vec<Self> {
        let mut indexes = vec![Self::hash(table)];
        let mut add = |suffix: &str, columns: String, query| {
            indexes.push(Self::new(&table.name, suffix, columns, query));
        };
        if let Some(raw_id) = table.raw_id_column() {
            add(
                "raw_id",
                format!(
                    "({}) INCLUDE ({})",
                    identifier(&raw_id),
                    identifier(&table.key_column())
                ),
                "the typed rows of a confirmed raw row",
            );
        }
        if let Some(fhir_id) = table.fhir_id_column() {
            let query = "the versions of one resource (last-version views)";
            add(
                "versions",
                format!("({}){}", identifier(fhir_id), versions(table)),
                query,
            );
            if let Some(updated) = table.last_updated_column() {
                let columns = format!("({}) WHERE {} IS NULL", identifier(fhir_id), identifier(updated));
                let query = "whether a resource has a version without a moment (last-version views)";
                add("undated", columns, query);
            }
        }
        for (column, query) in lookups(table) {
            add(column, format!("({})", identifier(column)), query);
            if query == OF_PATIENT {
                let query = "the same where the reference is not in its plain form (dataprocessor)";
                add(&format!("{column}_odd"), index_columns(column), query);
            }
        }
        if let Some(second) = table.form_key() {
            let columns = format!("(record_id, {})", identifier(second));
            add(
                "form_key",
                columns,
                "the versions of one form (last-version views)",
            );
        }
        if table.kind == Kind::Typed {
            let link = format!("{}_link", table.name);
            let query = "the newest raw version of a typed row";
            indexes.push(Self::new(&link, "typed_id", "(typed_id)".into(), query));
        }
        indexes
    }

    /// Names of indexes that hubs had before and that others have replaced.
    pub(crate) fn replaced(table: &StoredTable) -> [String; 1] {
        [index_name(&table.name, "fhir_id")]
    }

    /// The index every load asks which rows are known.
    pub(crate) fn hash(table: &StoredTable) -> Self {
        let digest = if table.has_meta() { ", meta_digest" } else { "" };
        let columns = format!("(hash) INCLUDE ({}{digest})", identifier(&table.key_column()));
        Self {
            unique: true,
            ..Self::new(&table.name, "hash", columns, "which rows of a load are known")
        }
    }

    /// The same index without the promise, for data that break it.
    pub(crate) fn not_unique(self) -> Self {
        Self {
            unique: false,
            ..self
        }
    }

    /// The columns of a typed table that views and readers look rows up by.
    pub(crate) fn filtered(table: &StoredTable) -> Vec<Cow<'_, str>> {
        let mut columns = vec![Cow::Borrowed("import_no")];
        columns.extend(table.fhir_id_column().map(identifier));
        columns.extend(lookups(table).into_iter().map(|(column, _)| identifier(column)));
        columns
    }

    fn new(table: &str, suffix: &str, columns: String, query: &'static str) -> Self {
        Self {
            name: index_name(table, suffix),
            table: table.to_owned(),
            unique: false,
            columns,
            query,
        }
    }

    /// The statement that makes it.
    pub(crate) fn sql(&self) -> String {
        format!(
            "-- Query: {}.\nCREATE {}INDEX {} ON core.{} {}",
            self.query,
            if self.unique { "UNIQUE " } else { "" },
            identifier(&self.name),
            identifier(&self.table),
            self.columns
        )
    }
}

/// What a typed row's versions are compared by: with it in the index, the rows themselves are not read.
fn versions(table: &StoredTable) -> String {
    if table.kind != Kind::Typed {
        return String::new();
    }
    let key = table.key_column();
    let raw_id = table.raw_id_column();
    let included: Vec<Cow<'_, str>> = table
        .last_updated_column()
        .into_iter()
        .chain(table.version_id_column())
        .chain(raw_id.as_deref())
        .chain(["import_no", &key])
        .map(identifier)
        .collect();
    format!(" INCLUDE ({})", included.join(", "))
}

/// Columns that consumers filter by, each with the query.
fn lookups(table: &StoredTable) -> Vec<(&str, &'static str)> {
    let has = |name: &str| {
        table
            .columns
            .iter()
            .find(|c| c.name == name)
            .map(|c| c.name.as_str())
    };
    match table.kind {
        Kind::Typed => {
            let of_patient = table
                .description
                .columns
                .iter()
                .filter(|c| matches!(c.path().as_str(), "subject/reference" | "patient/reference"))
                .filter_map(|c| has(&c.name))
                .map(|c| (c, OF_PATIENT));
            let of_case = has("enc_main_encounter_calculated_ref");
            of_patient
                .chain(of_case.map(|c| (c, "the contacts of a case (dataprocessor)")))
                .collect()
        }
        Kind::Form => ["pat_id", "fall_fhir_enc_id", "fall_pat_id"]
            .into_iter()
            .filter_map(has)
            .map(|c| (c, "what is stored about a patient or case (dataprocessor)"))
            .collect(),
        Kind::Raw | Kind::Core | Kind::Submodule => Vec::new(),
    }
}

/// A name of at most 63 bytes; of a long table name the beginning is kept.
fn index_name(table: &str, suffix: &str) -> String {
    let room = table_description::MAX_IDENTIFIER_BYTES.saturating_sub(suffix.len() + 1);
    let mut end = table.len().min(room);
    while !table.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{suffix}", &table[..end])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::schema::{HubTables, Model};

    #[test]
    fn no_two_indexes_of_the_standard_hub_share_a_name() {
        let model = Model::new(&HubTables::standard());
        let mut names = HashSet::new();
        for index in model.tables().iter().flat_map(Index::of) {
            assert!(index.name.len() <= 63, "{}", index.name);
            assert!(names.insert(index.name.clone()), "{}", index.name);
        }
    }
}
