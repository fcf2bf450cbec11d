use std::sync::Arc;

use table_description::{FhirType, TableDescription};

use super::original::original_columns;

/// Which part of the hub a stored table belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Cracked text of FHIR resources, `<t>_raw`.
    Raw,
    /// Typed rows of FHIR resources, `<t>`.
    Typed,
    /// A form of the frontend, `<t>_fe`.
    Form,
    /// A table shared by the dataprocessor's submodules.
    Core,
    /// A table of one of the dataprocessor's submodules.
    Submodule,
}

/// One data column as the hub stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredColumn {
    /// SQL name.
    pub name: String,
    /// How the value is stored; always [`FhirType::String`] in raw tables.
    pub fhir_type: FhirType,
    /// Takes part in the content hash.
    pub hashed: bool,
    /// Not among the columns of the original system: counts in the hash only where it has a value, as
    /// `<name>=<text>|||`. So the hashes of rows without it are those of the original, whatever columns are added.
    pub added: bool,
    /// Part of `meta`, overwritten in place.
    pub meta: bool,
    /// The expression or description, for the column's comment.
    pub comment: String,
}

impl StoredColumn {
    /// The column's SQL type.
    #[must_use]
    pub fn sql_type(&self) -> &'static str {
        match self.fhir_type {
            FhirType::String => "varchar",
            FhirType::Boolean => "boolean",
            FhirType::Integer => "integer",
            FhirType::Decimal => "double precision",
            FhirType::Date => "date",
            FhirType::DateTime => "timestamp",
            FhirType::Time => "time",
        }
    }
}

/// One table of `db_log` with everything that goes with it (inboxes, companion, views).
#[derive(Clone, Debug)]
pub struct StoredTable {
    /// Contract name, such as `patient_raw`, `patient`, `patient_fe`.
    pub name: String,
    /// Part of the hub.
    pub kind: Kind,
    /// The description the table was made from.
    pub description: Arc<TableDescription>,
    /// Data columns in description order.
    pub columns: Vec<StoredColumn>,
}

impl StoredTable {
    /// The table of this kind made from a description.
    #[must_use]
    pub fn new(kind: Kind, table: &Arc<TableDescription>) -> Self {
        let base = table.name.as_str();
        let name = match kind {
            Kind::Raw => format!("{base}_raw"),
            Kind::Form if !base.ends_with("_fe") => format!("{base}_fe"),
            _ => base.to_owned(),
        };
        let fhir = matches!(kind, Kind::Raw | Kind::Typed);
        let original = if fhir { original_columns(base) } else { usize::MAX };
        let columns = table
            .columns
            .iter()
            .enumerate()
            .map(|(position, c)| {
                StoredColumn {
                    name: c.name.clone(),
                    fhir_type: if kind == Kind::Raw {
                        FhirType::String
                    } else {
                        c.fhir_type
                    },
                    // All data columns of the other tables count: they have neither `meta` nor calculated columns.
                    hashed: !fhir || c.is_hashed(),
                    added: position >= original,
                    meta: fhir && c.is_meta(),
                    comment: format!("{} ({})", c.path(), c.fhir_type),
                }
            })
            .collect();
        Self {
            name,
            kind,
            description: Arc::clone(table),
            columns,
        }
    }

    /// Name of the column that identifies a row in the core: the contract's id, or a number of its own in the tables
    /// whose contract id repeats (`patient_fe_id` is the record's).
    #[must_use]
    pub fn key_column(&self) -> String {
        match self.kind {
            Kind::Raw | Kind::Typed => self.id_column(),
            Kind::Form | Kind::Core | Kind::Submodule => "row_id".to_owned(),
        }
    }

    /// Whether the table has columns that are overwritten in place.
    #[must_use]
    pub fn has_meta(&self) -> bool {
        self.columns.iter().any(|c| c.meta)
    }

    /// Name of the primary key: `<name>_id`.
    #[must_use]
    pub fn id_column(&self) -> String {
        format!("{}_id", self.name)
    }

    /// Name of the column of a typed table that refers to the raw row: `<t>_raw_id`.
    #[must_use]
    pub fn raw_id_column(&self) -> Option<String> {
        (self.kind == Kind::Typed).then(|| format!("{}_raw_id", self.name))
    }

    /// Name of the described table, without suffix: `patient` for `patient_raw` and `patient_fe`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.description.name
    }

    /// The column that holds the FHIR id (path `id`), where there is one.
    #[must_use]
    pub fn fhir_id_column(&self) -> Option<&str> {
        let position = self.description.position_of_path("id")?;
        self.columns.get(position).map(|c| c.name.as_str())
    }

    /// Schemas that have an inbox of this table's name.
    #[must_use]
    pub fn inboxes(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Raw | Kind::Typed => &["cds2db_in"],
            Kind::Form => &["db2dataprocessor_in", "db2frontend_in"],
            Kind::Core | Kind::Submodule => &["db2dataprocessor_in"],
        }
    }

    /// The column that holds meta/lastUpdated, where there is one.
    #[must_use]
    pub fn last_updated_column(&self) -> Option<&str> {
        let position = self.description.position_of_path("meta/lastUpdated")?;
        self.columns.get(position).map(|c| c.name.as_str())
    }

    /// The column that holds meta/versionId, where there is one.
    #[must_use]
    pub fn version_id_column(&self) -> Option<&str> {
        let position = self.description.position_of_path("meta/versionId")?;
        self.columns.get(position).map(|c| c.name.as_str())
    }

    /// The columns that every reader of the original system knows: those of the contract, without ours.
    pub fn contract_columns(&self) -> impl Iterator<Item = &StoredColumn> {
        self.columns.iter().filter(|c| !c.added)
    }

    /// The column that makes the key of a form together with `record_id`: the patient, the case, or the repetition.
    #[must_use]
    pub fn form_key(&self) -> Option<&str> {
        let has = |name: &str| {
            self.columns
                .iter()
                .find(|c| c.name == name)
                .map(|c| c.name.as_str())
        };
        if self.kind != Kind::Form || has("record_id").is_none() {
            return None;
        }
        match self.base().trim_end_matches("_fe") {
            "patient" => has("pat_id"),
            "fall" => has("fall_fhir_enc_id"),
            _ => has("redcap_repeat_instance"),
        }
    }
}
