use std::collections::{BTreeMap, BTreeSet};

use fixtures::Format;
use fixtures::hospital::Hospital;
use jiff::Timestamp;
use table_description::{Description, TableDescription};

use super::graph::{Encounter, Graph};
use super::json::Json;
use super::melt::{Cell, melt};
use super::typing::{typed, wall};

/// The cells of a row, in the description's order.
pub(crate) type Row = Vec<Option<String>>;

/// Who writes the rows of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Ours, which works out again what said `invalid`.
    #[default]
    Ours,
    /// Another program, which leaves rows that are there alone.
    Other,
    /// Another program that breaks off before it types.
    OtherRawOnly,
}

/// A raw row of a day, and what it melts to.
pub(crate) struct Arrived {
    pub(crate) table: String,
    pub(crate) raw: Row,
    /// Keys of its typed rows, as often as it melts to them.
    typed: Vec<(String, Row)>,
    /// Whether the hub has not got the row just so.
    pub(crate) is_changed: bool,
}

/// What the hub holds.
#[derive(Default)]
pub(crate) struct ModelHub {
    /// Raw rows by table and hashed content: the whole row.
    raw: BTreeMap<(String, Row), Row>,
    typed: BTreeMap<(String, Row), Row>,
    /// Newest version of each resource delivered so far.
    newest: BTreeMap<(String, String), Json>,
    /// Resources marked as gone.
    pub(crate) gone: BTreeSet<(String, String)>,
    pub(crate) common_system: Option<String>,
    /// Whether only the resources of the patients asked for are looked for.
    pub(crate) gone_by_patient: bool,
    pub(crate) writer: Writer,
    /// What the last day delivered.
    pub(crate) arrived: Vec<Arrived>,
    /// Patients whose new encounters nobody has typed yet.
    untyped: BTreeSet<String>,
}

impl ModelHub {
    /// Takes in the state of one day: everything of the ward patients and of those with a running case.
    pub(crate) fn day(&mut self, hospital: &Hospital, description: &Description, look_for_gone: bool) {
        let resources: Vec<(String, Json)> = hospital
            .resources(Format::Json)
            .map(|r| (r.kind.name().to_owned(), Json::parse(&r.bytes)))
            .collect();
        let wards = wards(hospital, &resources);
        let mut patients: BTreeSet<String> = wards.iter().map(|w| w.0.clone()).collect();
        patients.extend(self.running(hospital.timestamp()));
        let (delivered, known) = (
            delivered(&resources, &patients, description),
            self.known(description, &patients),
        );
        let before: BTreeSet<(String, Row)> = self.typed.keys().cloned().collect();

        self.arrived.clear();
        let mut waiting = std::mem::take(&mut self.untyped);
        let mut rows = Vec::new();
        for (kind, resource) in &delivered {
            let table = description
                .resources()
                .find(|t| t.resource.as_ref() == Some(kind))
                .expect("described");
            let cells: Vec<Cell> = table
                .columns
                .iter()
                .map(|c| resource.values(c.path().as_str()))
                .collect();
            let row: Row = cells.iter().map(notation).collect();
            // Typing begins at what was cracked: a value that looks like several is one.
            let key = (table.name.clone(), hashed(table, &row));
            let before = self.raw.insert(key, row.clone());
            if before.is_none() && kind == "Encounter" {
                waiting.extend(resource.first("subject/reference"));
            }
            let is_changed = before.as_ref() != Some(&row);
            self.arrived.push(Arrived {
                table: table.name.clone(),
                raw: row,
                typed: Vec::new(),
                is_changed,
            });
            self.newest.insert(
                (kind.clone(), resource.first("id").expect("an id")),
                resource.clone(),
            );
            rows.push((table.clone(), cells));
        }
        let encounters = self.newest.iter().filter(|((kind, _), _)| kind == "Encounter");
        let graph = Graph {
            encounters: encounters.filter_map(|(_, e)| Encounter::of(e)).collect(),
            common_system: self.common_system.clone(),
        };
        for ((table, cells), arrived) in rows.into_iter().zip(&mut self.arrived) {
            for melted in melt(&table, cells) {
                let mut row: Row = melted
                    .iter()
                    .zip(&table.columns)
                    .map(|(cell, column)| typed(column.fhir_type, cell.as_deref()?))
                    .collect();
                let key = (table.name.clone(), hashed(&table, &row));
                match self.typed.get(&key) {
                    None => references(&table, &mut row, &graph, false),
                    Some(stored) => {
                        for (n, _) in table
                            .columns
                            .iter()
                            .enumerate()
                            .filter(|(_, c)| c.is_calculated())
                        {
                            row[n].clone_from(&stored[n]);
                        }
                    }
                }
                arrived.typed.push(key.clone());
                self.typed.insert(key, row);
            }
        }
        match self.writer {
            Writer::Ours => {}
            Writer::Other => waiting.clear(),
            Writer::OtherRawOnly => self.untyped = std::mem::take(&mut waiting),
        }
        // An encounter that is new may be the one that was missing.
        for (key, row) in &mut self.typed {
            let table = description.table(&key.0).expect("described");
            let patient = of_patient(table, row);
            if before.contains(key) && patient.is_some_and(|p| waiting.contains(&p)) {
                references(table, row, &graph, true);
            }
        }
        let table = description.table("pids_per_ward").expect("described");
        let mut ward_rows: Vec<Row> = wards.iter().map(|(p, e, w)| ward_row(table, [p, e, w])).collect();
        if ward_rows.is_empty() {
            ward_rows.push(ward_row(table, ["EMPTY_DATA", "EMPTY_DATA", ""]));
        }
        for row in ward_rows {
            self.arrived.push(Arrived {
                table: table.name.clone(),
                raw: row.clone(),
                typed: vec![(table.name.clone(), row.clone())],
                is_changed: true,
            });
            self.raw.insert((table.name.clone(), row.clone()), row.clone());
            self.typed.insert((table.name.clone(), row.clone()), row);
        }
        if look_for_gone {
            let gone: BTreeSet<(String, String)> = hospital
                .deleted()
                .iter()
                .map(|id| (id.kind.name().to_owned(), id.to_string()))
                .collect();
            self.gone.extend(known.intersection(&gone).cloned());
        }
    }

    /// The rows of a table as they should be read back, sorted.
    pub(crate) fn rows(&self, table: &str, raw: bool) -> Vec<Row> {
        let rows = if raw { &self.raw } else { &self.typed };
        let mut rows: Vec<Row> = rows
            .iter()
            .filter(|((t, _), _)| t == table)
            .map(|(_, row)| row.clone())
            .collect();
        rows.sort();
        rows
    }

    /// The typed rows of a raw one, as the hub should hold them now.
    pub(crate) fn typed_of<'m>(&'m self, arrived: &'m Arrived) -> impl Iterator<Item = &'m Row> {
        arrived.typed.iter().filter_map(|key| self.typed.get(key))
    }

    /// (FHIR id, version) of the newest version of each resource of a type.
    pub(crate) fn newest(&self, resource: &str) -> BTreeSet<(String, String)> {
        let of_type = self.newest.iter().filter(|((kind, _), _)| kind == resource);
        of_type
            .map(|((_, id), r)| (id.clone(), r.first("meta/versionId").unwrap_or_default()))
            .collect()
    }

    /// Patients with a case that has begun and not ended.
    fn running(&self, now: Timestamp) -> Vec<String> {
        let now = wall(&now.to_string()).expect("a moment");
        let encounters = self
            .newest
            .iter()
            .filter(|((kind, _), _)| kind == "Encounter")
            .map(|(_, e)| e);
        let running = encounters.filter(|e| {
            let time = |path| e.first(path).and_then(|t| wall(&t));
            e.first("status").as_deref() == Some("in-progress")
                && matches!(e.first("class/code").as_deref(), Some("IMP" | "SS"))
                && time("period/start").is_some_and(|start| start <= now)
                && time("period/end").is_none_or(|end| end > now)
        });
        running
            .filter_map(|e| Some(e.first("subject/reference")?.rsplit('/').next()?.to_owned()))
            .collect()
    }

    /// Resources that the hub has, of these patients only where that is how they are looked for.
    fn known(&self, description: &Description, patients: &BTreeSet<String>) -> BTreeSet<(String, String)> {
        let mut known = BTreeSet::new();
        for ((kind, id), resource) in &self.newest {
            let table = description
                .resources()
                .find(|t| t.resource.as_ref() == Some(kind))
                .expect("described");
            let of = patient_of(kind, resource);
            let looked_for = !self.gone_by_patient || of.is_none_or(|p| patients.contains(&p));
            if looked_for && !self.gone.contains(&(kind.clone(), id.clone())) && !table.columns.is_empty() {
                known.insert((kind.clone(), id.clone()));
            }
        }
        known
    }
}

fn patient_of(kind: &str, resource: &Json) -> Option<String> {
    if kind == "Patient" {
        return resource.first("id");
    }
    let reference = resource
        .first("subject/reference")
        .or_else(|| resource.first("patient/reference"))?;
    reference.rsplit('/').next().map(str::to_owned)
}

/// All resources of the patients, and what they refer to, to any depth.
fn delivered(
    resources: &[(String, Json)],
    patients: &BTreeSet<String>,
    description: &Description,
) -> Vec<(String, Json)> {
    let shared = |kind: &str| kind == "Medication" || kind == "Location";
    let mut delivered: Vec<(String, Json)> = resources
        .iter()
        .filter(|(kind, r)| !shared(kind) && patient_of(kind, r).is_some_and(|p| patients.contains(&p)))
        .cloned()
        .collect();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    let mut looked_at = 0;
    while looked_at < delivered.len() {
        let (kind, resource) = &delivered[looked_at];
        let table = description
            .resources()
            .find(|t| t.resource.as_ref() == Some(kind))
            .expect("described");
        let mut new = Vec::new();
        for column in table.columns.iter().filter(|c| !c.reference_targets.is_empty()) {
            for (_, reference) in resource.values(column.path().as_str()) {
                if column
                    .reference_targets
                    .iter()
                    .any(|t| reference.starts_with(&format!("{t}/")))
                    && wanted.insert(reference.clone())
                {
                    new.push(reference);
                }
            }
        }
        for reference in new {
            let found = resources.iter().find(|(kind, r)| {
                shared(kind) && Some(&reference) == r.first("id").map(|id| format!("{kind}/{id}")).as_ref()
            });
            delivered.extend(found.cloned());
        }
        looked_at += 1;
    }
    delivered
}

/// (patient, encounter, ward) of the ward patients, one ward each: the encounter that began last, then the one updated
/// last, then the first.
fn wards(hospital: &Hospital, resources: &[(String, Json)]) -> Vec<(String, String, String)> {
    let names: BTreeMap<String, String> = resources
        .iter()
        .filter(|(kind, _)| kind == "Location")
        .filter_map(|(_, r)| Some((format!("Location/{}", r.first("id")?), r.first("name")?)))
        .collect();
    let moment = |text: Option<String>| text.and_then(|t| t.parse::<Timestamp>().ok());
    let mut candidates = Vec::new();
    for (_, encounter) in resources.iter().filter(|(kind, _)| kind == "Encounter") {
        let start = moment(encounter.first("period/start"));
        let found = encounter.first("status").as_deref() == Some("in-progress")
            && matches!(encounter.first("class/code").as_deref(), Some("IMP" | "SS"))
            && start.is_some_and(|start| start < hospital.timestamp());
        let lies_on: Vec<String> = encounter
            .values("location/location/reference")
            .iter()
            .filter_map(|(_, reference)| names.get(reference).cloned())
            .collect();
        for (order, ward) in hospital.wards().into_iter().enumerate() {
            if found && lies_on.contains(&ward) {
                let patient = patient_of("Encounter", encounter).expect("a patient");
                let updated = moment(encounter.first("meta/lastUpdated"));
                let id = encounter.first("id").expect("an id");
                candidates.push((
                    patient,
                    std::cmp::Reverse(start),
                    std::cmp::Reverse(updated),
                    id,
                    order,
                    ward,
                ));
            }
        }
    }
    candidates.sort();
    candidates.dedup_by(|later, first| later.0 == first.0);
    candidates
        .into_iter()
        .map(|(patient, _, _, id, _, ward)| (patient, id, ward))
        .collect()
}

fn ward_row(table: &TableDescription, [patient, encounter, ward]: [&str; 3]) -> Row {
    let cell = |name: &str| match name {
        "patient_id" => patient,
        "encounter_id" => encounter,
        _ => ward,
    };
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    table.columns.iter().map(|c| filled(cell(&c.name))).collect()
}

/// A raw cell: `[1.2]value ~ [2.1]value`.
fn notation(cell: &Cell) -> Option<String> {
    let values: Vec<String> = cell
        .iter()
        .map(|(index, text)| {
            let numbers: Vec<String> = index.iter().map(u32::to_string).collect();
            format!("[{}]{text}", numbers.join("."))
        })
        .collect();
    (!values.is_empty()).then(|| values.join(" ~ "))
}

/// The cells that make the content: neither `meta` nor calculated.
fn hashed(table: &TableDescription, row: &Row) -> Row {
    row.iter()
        .zip(&table.columns)
        .filter(|(_, c)| c.is_hashed())
        .map(|(cell, _)| cell.clone())
        .collect()
}

fn cell(table: &TableDescription, row: &Row, path: &str) -> Option<String> {
    table.position_of_path(path).and_then(|n| row[n].clone())
}

fn of_patient(table: &TableDescription, row: &Row) -> Option<String> {
    cell(table, row, "subject/reference").or_else(|| cell(table, row, "patient/reference"))
}

/// Elements that say when something happened, by table.
const TIMES: [(&str, &[&str]); 8] = [
    ("observation", &["effectivePeriod/start", "effectiveDateTime"]),
    ("procedure", &["performedPeriod/start", "performedDateTime"]),
    (
        "medicationadministration",
        &["effectivePeriod/start", "effectiveDateTime"],
    ),
    (
        "medicationstatement",
        &["effectivePeriod/start", "effectiveDateTime"],
    ),
    ("medicationrequest", &["authoredOn"]),
    ("condition", &["recordedDate"]),
    ("diagnosticreport", &["effectiveDateTime", "issued"]),
    ("servicerequest", &["authoredOn"]),
];

/// Fills the calculated columns; `again` only where they say `invalid` and there is an answer now.
fn references(table: &TableDescription, row: &mut Row, graph: &Graph, again: bool) {
    let id = cell(table, row, "id");
    let patient = of_patient(table, row);
    for (n, column) in table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| c.is_calculated())
    {
        let answer = if column.name == "enc_partof_calculated_ref" {
            id.as_deref().and_then(|id| graph.part_of(id))
        } else if column.name == "enc_main_encounter_calculated_ref" {
            id.as_deref().and_then(|id| graph.main(id))
        } else if let Some((_, times)) = TIMES.iter().find(|(name, _)| *name == table.name) {
            let times: Vec<_> = times
                .iter()
                .filter_map(|path| wall(&cell(table, row, path)?.replace(' ', "T")))
                .collect();
            let encounter =
                cell(table, row, "encounter/reference").or_else(|| cell(table, row, "context/reference"));
            Some(graph.of_other(
                encounter.as_deref(),
                patient.as_deref().unwrap_or_default(),
                &times,
            ))
        } else {
            None
        };
        let found = answer.as_deref().is_some_and(|a| a != "invalid");
        if !again || row[n].as_deref() == Some("invalid") && found {
            row[n] = answer;
        }
    }
}
