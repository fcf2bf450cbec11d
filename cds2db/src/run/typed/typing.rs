//! Melting and typing of raw rows that wait in the hub.

use std::sync::Arc;

use cds_hub::Hub;
use cds_hub::load::Import;
use table_description::typing::Zone;
use table_description::{Column, Description, TableDescription};

use super::again::Again;
use super::encounters::{Encounters, texts};
use super::pieces::{EncodedPiece, RAW_ROWS, TypedPiece, typed_pieces};
use super::tables::ENCOUNTER;
use crate::config::Settings;
use crate::progress::{Progress, Stage};
use crate::references::EncounterGraph;
use crate::run::ahead::Ahead;
use crate::run::encoding::Encoding;
use crate::run::watches::Watches;
use crate::{Error, ErrorKind, Result, Summary};

/// Pieces of so many rows that wait while others are stored.
const PIECES_AHEAD: usize = 1;
/// Patients whose stored references are looked at again at a time.
const PATIENTS_AT_ONCE: usize = 1_000;

/// Melts and types the raw rows that wait in the hub, also those of an earlier run that broke off.
pub(crate) struct Typing<'r> {
    pub(crate) settings: &'r Settings,
    pub(crate) hub: &'r Hub,
    pub(crate) description: &'r Description,
    pub(crate) zone: &'r Zone,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) watches: &'r Watches,
    pub(super) encounters: Encounters,
    prepared: bool,
}

impl<'r> Typing<'r> {
    pub(crate) fn new(
        settings: &'r Settings,
        hub: &'r Hub,
        description: &'r Description,
        zone: &'r Zone,
        progress: &'r dyn Progress,
        watches: &'r Watches,
    ) -> Self {
        let graph = EncounterGraph::build([], None);
        let encounters = Encounters {
            graph,
            waiting: Vec::new(),
        };
        Self {
            settings,
            hub,
            description,
            zone,
            progress,
            watches,
            encounters,
            prepared: false,
        }
    }

    /// Builds the graph of encounters, once.
    pub(crate) async fn prepare(&mut self, summary: &mut Summary) -> Result<()> {
        if !std::mem::replace(&mut self.prepared, true) {
            self.read_encounters(summary).await?;
        }
        Ok(())
    }

    /// Whether the rows of a table are left raw by this run.
    pub(crate) fn stays_raw(&self, table: &TableDescription, summary: &Summary) -> bool {
        self.is_skipped(table)
            || encounters_are_missing(summary) && table.columns.iter().any(Column::is_calculated)
    }

    fn is_skipped(&self, table: &TableDescription) -> bool {
        let skip = &self.settings.debug.skip_melting;
        skip.iter().any(|name| name.eq_ignore_ascii_case(&table.name))
    }

    /// Types all tables: encounters first, since the others refer to them.
    pub(crate) async fn run(&mut self, import: &mut Import<'_>, summary: &mut Summary) -> Result<()> {
        self.watches.typed.start();
        self.prepare(summary).await?;
        let mut tables: Vec<_> = self.description.tables.clone();
        tables.sort_by_key(|t| t.name != ENCOUNTER);
        if encounters_are_missing(summary) {
            // A reference worked out without the encounter it is about would stay.
            let all = tables.len();
            tables.retain(|t| !t.columns.iter().any(Column::is_calculated));
            summary.notes.push(format!(
                "{} tables that refer to encounters stay raw until the encounters are complete",
                all - tables.len()
            ));
        }
        for table in &tables {
            if self.is_skipped(table) {
                summary
                    .notes
                    .push(format!("{} stays raw: DEBUG_SKIP_MELTING_RESOURCES", table.name));
                continue;
            }
            self.table(table, import, summary).await?;
        }
        for table in &tables {
            self.again(table, import, summary).await?;
        }
        Ok(())
    }

    async fn table(
        &mut self,
        table: &Arc<TableDescription>,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let failed = |what: &str, e: cds_hub::Error| {
            Error::new(ErrorKind::Hub, format!("{what} of {}", table.name)).because(e)
        };
        let open = self
            .hub
            .open_raw(table, RAW_ROWS)
            .await
            .map_err(|e| failed("reading raw rows", e))?;
        // In a task of its own: reading, melting and typing go on while rows are stored.
        let pieces = typed_pieces(open, self.zone.clone());
        let mut pieces = Ahead::new(pieces, PIECES_AHEAD, ErrorKind::Hub, "melting and typing");
        let mut before: Option<EncodedPiece> = None;
        while let Some(piece) = pieces.next().await? {
            let TypedPiece {
                raw_ids,
                batch,
                mut typed,
                defects,
            } = piece.map_err(|e| failed("reading raw rows", e))?;
            self.fill_references(table, &mut typed).await?;
            // Encoded on another thread, while the rows before are stored.
            let next = EncodedPiece {
                encoding: Encoding::of_typed(typed, raw_ids.clone()),
                raw_ids,
                batch,
                defects,
            };
            if let Some(piece) = before.replace(next) {
                self.store(table, piece, import, summary).await?;
            }
        }
        match before {
            Some(piece) => self.store(table, piece, import, summary).await,
            None => Ok(()),
        }
    }

    async fn store(
        &self,
        table: &TableDescription,
        piece: EncodedPiece,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let failed = |what: &str, e: cds_hub::Error| {
            Error::new(ErrorKind::Hub, format!("{what} of {}", table.name)).because(e)
        };
        let (_, encoded) = piece.encoding.done().await?;
        let loaded = import
            .store(&encoded)
            .await
            .map_err(|e| failed("writing typed rows", e))?;
        import
            .defects(&piece.defects, &piece.batch, &piece.raw_ids)
            .await
            .map_err(|e| failed("writing defects", e))?;
        let counters = summary.table(&table.name);
        counters.typed_new += loaded.new;
        counters.quarantined += loaded.quarantined;
        counters.defects += piece.defects.len() as u64;
        for defect in &piece.defects {
            *counters
                .defects_by_kind
                .entry(defect.kind.to_string())
                .or_default() += 1;
        }
        self.watches.typed.add(encoded.rows() as u64, 0);
        self.progress.advance(Stage::Type, piece.raw_ids.len() as u64, 0);
        Ok(())
    }

    /// Works out again the references that say `invalid` in the hub, for patients with an encounter that is new: it may be
    /// the one that was missing.
    async fn again(
        &self,
        table: &TableDescription,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let Some(question) = Again::of(table) else {
            return Ok(());
        };
        let graph = &self.encounters.graph;
        for patients in self.encounters.waiting.chunks(PATIENTS_AT_ONCE) {
            let rows = self
                .hub
                .select_text(&question.sql, &[texts(patients)])
                .await
                .map_err(|e| Error::new(ErrorKind::Hub, "reading references that say invalid").because(e))?;
            for (position, column) in question.columns.iter().enumerate() {
                let found: Vec<(i32, String)> = rows
                    .iter()
                    .filter_map(|row| {
                        Some((
                            row.first()?.as_deref()?.parse().ok()?,
                            question.answer(position, row, graph)?,
                        ))
                    })
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

/// Whether a search for encounters was not answered in full.
fn encounters_are_missing(summary: &Summary) -> bool {
    summary
        .incomplete
        .iter()
        .any(|line| line.starts_with("Encounter"))
}
