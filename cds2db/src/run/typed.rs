use std::collections::HashSet;
use std::sync::Arc;

use cds_hub::Hub;
use cds_hub::load::{Import, OpenRows};
use fhir_crack::Batch;
use fhir_melt::{MeltOptions, TypedBatch, melt};
use futures_util::stream::{self, Stream};
use table_description::typing::{Value, Zone};
use table_description::{Column, Defect, Description, TableDescription};

use super::again::Again;
use super::ahead::Ahead;
use super::encoding::Encoding;
use super::pipeline::Watches;
use crate::config::Settings;
use crate::progress::{Progress, Stage};
use crate::references::{Addition, EncounterGraph, EncounterRow, Level};
use crate::{Error, ErrorKind, Result, Summary};

/// Raw rows typed at a time, at most.
pub(super) const RAW_ROWS: usize = 2_000;
/// Raw rows of a table typed first; what becomes of them tells how many follow at a time.
const FIRST_RAW_ROWS: usize = 200;
/// Raw rows typed at a time, at least.
const FEWEST_RAW_ROWS: usize = 20;
/// Typed rows aimed at: a Consent becomes twenty, and a piece should take as much memory whatever its table.
const TYPED_ROWS: usize = 8_000;
/// Pieces of so many rows that wait while others are stored.
const PIECES_AHEAD: usize = 1;
/// Patients whose stored references are looked at again at a time.
const PATIENTS_AT_ONCE: usize = 1_000;
/// Patients whose encounters are read from the hub at a time.
const STORED_PATIENTS_AT_ONCE: usize = 10_000;
/// The table whose rows become the graph of encounters.
pub(super) const ENCOUNTER: &str = "encounter";
/// The table of the wards, which is typed but neither FHIR nor melted.
pub(crate) const PIDS_PER_WARD: &str = "pids_per_ward";

/// Melts and types the raw rows that wait in the hub, also those of an earlier run that broke off.
pub(crate) struct Typing<'r> {
    pub(crate) settings: &'r Settings,
    pub(crate) hub: &'r Hub,
    pub(crate) description: &'r Description,
    pub(crate) zone: &'r Zone,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) watches: &'r Watches,
    encounters: Encounters,
    prepared: bool,
}

/// The encounters known so far and what follows from them.
struct Encounters {
    graph: EncounterGraph,
    /// Patients in the graph with an encounter that waits for typing.
    waiting: Vec<Arc<str>>,
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

    /// Reads the encounters that wait and builds the graph of them and of their patients' older ones.
    async fn read_encounters(&mut self, summary: &mut Summary) -> Result<()> {
        let Some(table) = self.description.table(ENCOUNTER).cloned() else {
            return Ok(());
        };
        let columns = EncounterColumns::of(&table);
        let failed = |e: cds_hub::Error| Error::new(ErrorKind::Hub, "reading raw encounters").because(e);
        let mut open = self.hub.open_raw(&table, RAW_ROWS).await.map_err(failed)?;
        let system = self.settings.common_identifier_system.as_deref();
        let mut addition = self.encounters.graph.addition(system);
        let mut waiting = false;
        while let Some((raw_ids, batch)) = open.next().await.map_err(failed)? {
            let (typed, _) = melt(&batch, &MeltOptions::default()).typed(self.zone);
            for row in 0..typed.rows() {
                // After a run that broke off several versions of an encounter may wait: the newest decides.
                if let (Some(encounter), Some(&raw_id)) =
                    (columns.row(&typed, row), raw_ids.get(typed.source_row(row)))
                {
                    waiting = true;
                    addition.add(encounter, Some(raw_id));
                }
            }
        }
        let patients = addition.patients().to_vec();
        add_stored(self.hub, &mut addition, &patients).await?;
        addition.link();
        self.encounters.waiting = patients;
        for level in Level::ALL {
            if waiting && self.encounters.graph.count(level) == 0 {
                summary.notes.push(format!(
                    "no encounter of level {level:?}; calculated references need all three"
                ));
            }
        }
        Ok(())
    }

    /// Adds what the hub has of the encounters of patients not seen yet.
    async fn add_patients(&mut self, patients: HashSet<Arc<str>>) -> Result<()> {
        if patients.is_empty() {
            return Ok(());
        }
        let system = self.settings.common_identifier_system.as_deref();
        let mut addition = self.encounters.graph.addition(system);
        for patient in &patients {
            addition.add_patient(patient);
        }
        let patients: Vec<_> = patients.into_iter().collect();
        add_stored(self.hub, &mut addition, &patients).await?;
        addition.link();
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

    /// Fills the calculated columns.
    pub(crate) async fn fill_references(
        &mut self,
        table: &TableDescription,
        typed: &mut TypedBatch,
    ) -> Result<()> {
        let position = |name: &str| {
            table
                .columns
                .iter()
                .position(|c| c.is_calculated() && c.name.ends_with(name))
        };
        let Some(patient) = table
            .position_of_path("subject/reference")
            .or(table.position_of_path("patient/reference"))
        else {
            return Ok(());
        };
        let patients = (0..typed.rows())
            .filter_map(|row| text(typed, row, patient))
            .filter(|patient| !self.encounters.graph.knows_patient(patient))
            .map(Arc::from)
            .collect();
        self.add_patients(patients).await?;
        if table.name == ENCOUNTER {
            let Some(id) = table.position_of_path("id") else {
                return Ok(());
            };
            let graph = &self.encounters.graph;
            let ids: Vec<Option<&str>> = (0..typed.rows()).map(|row| text(typed, row, id)).collect();
            let part_of: Vec<_> = ids.iter().map(|id| id.and_then(|id| graph.part_of(id))).collect();
            let main: Vec<_> = ids.iter().map(|id| id.and_then(|id| graph.main(id))).collect();
            if let Some(column) = position("_partof_calculated_ref") {
                typed.set_texts(column, part_of);
            }
            if let Some(column) = position("_main_encounter_calculated_ref") {
                typed.set_texts(column, main);
            }
            return Ok(());
        }
        let Some(column) = position("_encounter_calculated_ref") else {
            return Ok(());
        };
        let encounter = table
            .position_of_path("encounter/reference")
            .or(table.position_of_path("context/reference"));
        let times = time_columns(table);
        let graph = &self.encounters.graph;
        let references = (0..typed.rows())
            .map(|row| {
                let times: Vec<_> = times.iter().map(|&c| time(typed, row, c)).collect();
                let encounter = encounter.and_then(|c| text(typed, row, c));
                Some(graph.encounter_of(encounter, text(typed, row, patient), &times))
            })
            .collect();
        typed.set_texts(column, references);
        Ok(())
    }
}

/// Adds the encounters that the hub has of these patients, but for those that have come anew.
async fn add_stored(hub: &Hub, addition: &mut Addition<'_>, patients: &[Arc<str>]) -> Result<()> {
    let sql = "SELECT enc_id, enc_type_code, enc_patient_ref, \
               (extract(epoch FROM enc_period_start) * 1000000)::bigint::text, \
               (extract(epoch FROM enc_period_end) * 1000000)::bigint::text, \
               enc_identifier_system, enc_identifier_value, enc_class_code, enc_partof_ref \
               FROM cds2db_out.v_encounter_last_version WHERE enc_patient_ref = ANY ($1)";
    for patients in patients.chunks(STORED_PATIENTS_AT_ONCE) {
        let stored = hub
            .select_text(sql, &[texts(patients)])
            .await
            .map_err(|e| Error::new(ErrorKind::Hub, "reading the patients' encounters").because(e))?;
        for row in stored.into_iter().filter_map(stored_row) {
            if !addition.came_anew(&row.id) {
                addition.add(row, None);
            }
        }
    }
    Ok(())
}

fn texts(patients: &[Arc<str>]) -> Vec<String> {
    patients.iter().map(|patient| (**patient).to_owned()).collect()
}

/// Whether a search for encounters was not answered in full.
fn encounters_are_missing(summary: &Summary) -> bool {
    summary
        .incomplete
        .iter()
        .any(|line| line.starts_with("Encounter"))
}

/// Raw rows with what was made of them.
struct TypedPiece {
    raw_ids: Vec<i32>,
    batch: Batch,
    typed: TypedBatch,
    defects: Vec<Defect>,
}

/// The same when its typed rows are being encoded.
struct EncodedPiece {
    encoding: Encoding,
    raw_ids: Vec<i32>,
    batch: Batch,
    defects: Vec<Defect>,
}

/// Melts and types raw rows as they come; an error is the last item.
fn typed_pieces(
    open: OpenRows,
    zone: Zone,
) -> impl Stream<Item = cds_hub::Result<TypedPiece>> + Send + 'static {
    stream::try_unfold((open, FIRST_RAW_ROWS), move |(mut open, raw_rows)| {
        let zone = zone.clone();
        async move {
            open.set_chunk_rows(raw_rows);
            let Some((raw_ids, batch)) = open.next().await? else {
                return Ok(None);
            };
            let (typed, defects) = melt(&batch, &MeltOptions::default()).typed(&zone);
            let raw_rows =
                (raw_ids.len() * TYPED_ROWS / typed.rows().max(1)).clamp(FEWEST_RAW_ROWS, RAW_ROWS);
            let piece = TypedPiece {
                raw_ids,
                batch,
                typed,
                defects,
            };
            Ok(Some((piece, (open, raw_rows))))
        }
    })
}

/// The elements that say when something happened, in the order they are asked; only a report has `issued` among them.
const TIMES: [&str; 9] = [
    "effectivePeriod/start",
    "effectiveDateTime",
    "performedPeriod/start",
    "performedDateTime",
    "authoredOn",
    "recordedDate",
    "occurrencePeriod/start",
    "occurrenceDateTime",
    "issued",
];

pub(super) fn time_columns(table: &TableDescription) -> Vec<usize> {
    let is_report = table.resource.as_deref() == Some("DiagnosticReport");
    TIMES
        .iter()
        .filter(|path| is_report || **path != "issued")
        .filter_map(|path| table.position_of_path(path))
        .collect()
}

fn text(typed: &TypedBatch, row: usize, column: usize) -> Option<&str> {
    match typed.value(row, column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn time(typed: &TypedBatch, row: usize, column: usize) -> Option<i64> {
    match typed.value(row, column) {
        Some(Value::DateTime(micros)) => Some(micros),
        _ => None,
    }
}

/// Where the columns stand that make an [`EncounterRow`].
struct EncounterColumns([Option<usize>; 9]);

impl EncounterColumns {
    fn of(table: &TableDescription) -> Self {
        let paths = [
            "id",
            "type/coding/code",
            "subject/reference",
            "period/start",
            "period/end",
            "identifier/system",
            "identifier/value",
            "class/code",
            "partOf/reference",
        ];
        Self(paths.map(|path| table.position_of_path(path)))
    }

    fn row(&self, typed: &TypedBatch, row: usize) -> Option<EncounterRow> {
        let text = |i: usize| self.0[i].and_then(|c| text(typed, row, c)).map(str::to_owned);
        let time = |i: usize| self.0[i].and_then(|c| time(typed, row, c));
        Some(EncounterRow {
            id: text(0)?,
            type_code: text(1),
            patient: text(2),
            start: time(3),
            end: time(4),
            identifier_system: text(5),
            identifier_value: text(6),
            class: text(7),
            part_of: text(8),
        })
    }
}

fn stored_row(mut cells: Vec<Option<String>>) -> Option<EncounterRow> {
    cells.resize(9, None);
    let mut cells = cells.into_iter();
    let mut next = || cells.next().flatten();
    let micros = |text: Option<String>| text.and_then(|t| t.parse().ok());
    Some(EncounterRow {
        id: next()?,
        type_code: next(),
        patient: next(),
        start: micros(next()),
        end: micros(next()),
        identifier_system: next(),
        identifier_value: next(),
        class: next(),
        part_of: next(),
    })
}
