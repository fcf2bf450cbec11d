//! What the typing of a run knows beside the rows: encounters, and which tables stay raw.

use std::sync::Arc;

use cds_hub::Hub;
use cds_hub::ask::InvalidRow;
use cds_hub::load::Import;
use futures_util::TryStreamExt;
use table_description::{Column, Description, TableDescription};

use super::encounters::Encounters;
use super::invalid::Mendable;
use crate::config::Settings;
use crate::error::hub_error;
use crate::{Error, ErrorKind, Result, Summary};

/// Raw rows that have waited in the hub read and typed at a time.
pub(super) const RAW_ROWS: usize = 500;
/// Patients whose stored references are looked at again at a time.
const PATIENTS_AT_ONCE: usize = 1_000;

/// The encounters of a run and what follows from them.
pub(crate) struct Typing<'r> {
    pub(super) settings: &'r Settings,
    pub(super) hub: &'r Hub,
    pub(super) description: &'r Description,
    pub(crate) encounters: Encounters,
    /// Not all encounters came: a reference worked out without the encounter it is about would stay.
    encounters_are_missing: bool,
}

impl<'r> Typing<'r> {
    pub(crate) fn new(settings: &'r Settings, hub: &'r Hub, description: &'r Description) -> Self {
        Self {
            settings,
            hub,
            description,
            encounters: Encounters::default(),
            encounters_are_missing: false,
        }
    }

    /// Notes which tables stay raw in this run; `missing` where a search for encounters was not answered in full.
    pub(crate) fn decide(&mut self, missing: bool, summary: &mut Summary) {
        self.encounters_are_missing = missing;
        let tables = &self.description.tables;
        let raw = tables
            .iter()
            .filter(|t| t.columns.iter().any(Column::is_calculated));
        if missing {
            summary.notes.push(format!(
                "{} tables that refer to encounters stay raw until the encounters are complete",
                raw.count()
            ));
        }
        for table in tables.iter().filter(|table| self.is_skipped(table)) {
            let text = format!("{} stays raw: DEBUG_SKIP_MELTING_RESOURCES", table.name);
            summary.notes.push(text);
        }
    }

    /// Whether the rows of a table are left raw by this run.
    pub(crate) fn stays_raw(&self, table: &TableDescription) -> bool {
        self.is_skipped(table)
            || self.encounters_are_missing && table.columns.iter().any(Column::is_calculated)
    }

    fn is_skipped(&self, table: &TableDescription) -> bool {
        let skip = &self.settings.debug.skip_melting;
        skip.iter().any(|name| name.eq_ignore_ascii_case(&table.name))
    }

    /// Works out anew the references that say `invalid` in the hub, for patients with an encounter that has come: it may
    /// be the one that was missing.
    pub(crate) async fn mend_invalid(
        &self,
        table: &Arc<TableDescription>,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let Some(mendable) = Mendable::of(table) else {
            return Ok(());
        };
        let graph = &self.encounters.graph;
        for patients in self.encounters.patients.chunks(PATIENTS_AT_ONCE) {
            let rows = self.hub.invalid_references(table, mendable.question(), patients);
            let rows: Vec<InvalidRow> = rows
                .try_collect()
                .await
                .map_err(|e| hub_error("reading references that say invalid", e))?;
            for (position, &column) in mendable.columns.iter().enumerate() {
                let column = &table.columns[column].name;
                let found: Vec<(i32, String)> = rows
                    .iter()
                    .filter_map(|row| Some((row.row_id, mendable.answer(position, row, graph)?)))
                    .collect();
                if !found.is_empty() {
                    import.set_calculated(table, column, &found).await.map_err(|e| {
                        Error::new(ErrorKind::Hub, format!("writing references of {}", table.name)).because(e)
                    })?;
                    summary.notes.push(format!(
                        "{}: {} references that said invalid have an encounter now",
                        table.name,
                        found.len()
                    ));
                }
            }
        }
        Ok(())
    }
}
