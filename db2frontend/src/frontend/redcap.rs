//! A REDCap project as rows of forms.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Read, Row, Shape, Write, Written};
use crate::api::{Client, Overwrite, Project, Reason, Refusal, Table};
use crate::{Error, ErrorKind, Result};

const INSTRUMENT: &str = "redcap_repeat_instrument";
const INSTANCE: &str = "redcap_repeat_instance";
const GROUP: &str = "redcap_data_access_group";

/// A project, and what it is.
#[derive(Debug)]
pub struct Redcap {
    client: Client,
    project: Project,
    /// Whether the token gives a right to groups; found out at the first read.
    with_groups: AtomicBool,
}

impl Redcap {
    /// Asks a project what it is.
    ///
    /// # Errors
    /// When the server does not answer as it should, or its dictionary has faults.
    pub async fn open(client: Client) -> Result<Self> {
        let project = client.project().await?;
        Ok(Self {
            client,
            project,
            with_groups: AtomicBool::new(true),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    fn record_field(&self) -> &str {
        self.project.dictionary.record_field()
    }

    pub(super) async fn record_ids(&self) -> Result<BTreeSet<String>> {
        let ids = self.client.record_ids(self.record_field()).await?;
        Ok(ids.into_iter().collect())
    }

    pub(super) fn batch(&self, shapes: &[Shape]) -> usize {
        let limits = self.client.options().limits;
        let width: usize = shapes.iter().map(Shape::width).sum::<usize>() + 4;
        limits.records.min(limits.cells / width).max(1)
    }

    /// Reads the records; where the server says it is too much, halves of them.
    pub(super) async fn read(&self, shapes: &[Shape], ids: &[&str]) -> Result<Read> {
        let mut read = Read {
            forms: vec![Vec::new(); shapes.len()],
            ..Read::default()
        };
        let mut left: Vec<&[&str]> = ids.chunks(self.batch(shapes)).rev().collect();
        while let Some(part) = left.pop() {
            match self.ask(shapes, part).await {
                Ok(table) => self.sort(&table, shapes, part, &mut read)?,
                Err(e) if e.is_too_much() && part.len() > 1 => {
                    let (one, other) = part.split_at(part.len() / 2);
                    left.extend([other, one]);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(read)
    }

    async fn ask(&self, shapes: &[Shape], ids: &[&str]) -> Result<Table> {
        let forms: Vec<&str> = shapes.iter().map(|shape| shape.form.as_str()).collect();
        let fields = [self.record_field()];
        let groups = self.with_groups.load(Ordering::Relaxed);
        match self.client.records(ids, &fields, &forms, groups).await {
            Err(e) if groups && e.reason() == Some(Reason::NoGroups) => {
                self.with_groups.store(false, Ordering::Relaxed);
                self.client.records(ids, &fields, &forms, false).await
            }
            other => other,
        }
    }

    /// Gives each row to its form.
    fn sort(&self, table: &Table, shapes: &[Shape], asked: &[&str], read: &mut Read) -> Result<()> {
        if table.heads().is_empty() {
            return Ok(());
        }
        let record = table
            .column(self.record_field())
            .ok_or_else(|| Error::new(ErrorKind::Answer, "records: the column of the ids is missing"))?;
        let (instrument, instance, group) = (
            table.column(INSTRUMENT),
            table.column(INSTANCE),
            table.column(GROUP),
        );
        let at: Vec<Vec<Option<usize>>> = shapes
            .iter()
            .map(|shape| {
                let codecs = shape.codecs.iter();
                codecs
                    .map(|codec| table.column(&codec.as_ref()?.column))
                    .collect()
            })
            .collect();
        let asked: BTreeSet<&str> = asked.iter().copied().collect();
        for row in 0..table.rows() {
            let cell = |column: Option<usize>| column.and_then(|c| table.cell(row, c)).unwrap_or("").trim();
            let id = cell(Some(record));
            if id.is_empty() || table.width(row) < table.heads().len() {
                let text = format!("records: row {} is broken", row + 1);
                return Err(Error::new(ErrorKind::Answer, text));
            }
            if !asked.contains(id) {
                let text =
                    "records: a record nobody asked for (ids are hashed without the right to full data)";
                return Err(Error::new(ErrorKind::Answer, text));
            }
            read.seen.insert(id.to_owned());
            let form = self.form_named(cell(instrument));
            let number = cell(instance).parse::<u32>().ok().filter(|n| *n > 0);
            let mut is_known = form.is_none();
            for ((shape, at), rows) in shapes.iter().zip(&at).zip(&mut read.forms) {
                let is_here = match form {
                    Some(form) => form == shape.form && number.is_some(),
                    None => !shape.repeats,
                };
                if !is_here {
                    continue;
                }
                is_known = true;
                let cells = at
                    .iter()
                    .map(|at| at.and_then(|at| table.cell(row, at)).map(str::to_owned))
                    .collect();
                let row = Row {
                    record: id.to_owned(),
                    instance: form.and(number),
                    group: cell(group).to_owned(),
                    cells,
                };
                if form.is_some() || !is_untouched(shape, &row) {
                    rows.push(row);
                }
            }
            read.strange += usize::from(!is_known);
        }
        Ok(())
    }

    /// The form meant by a row's instrument: some servers answer with its label.
    fn form_named<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        if text.is_empty() {
            return None;
        }
        let forms = &self.project.dictionary.forms;
        let by_label = || forms.iter().find(|form| form.label == text);
        let found = self.project.dictionary.form(text).or_else(by_label);
        Some(found.map_or(text, |form| form.name.as_str()))
    }

    /// Sends rows, a record whole in one request. Rows the server refuses are left out, and the others sent again.
    pub(super) async fn write(&self, shape: &Shape, rows: &[Write], overwrite: Overwrite) -> Result<Written> {
        let limits = self.client.options().limits;
        let mut written = Written::default();
        let mut part: Vec<&Write> = Vec::new();
        let (mut cells, mut records) = (0, BTreeSet::new());
        for row in rows {
            let is_full = cells >= limits.cells || records.len() >= limits.records;
            if is_full && !records.contains(row.record.as_str()) {
                written.add(self.send(shape, std::mem::take(&mut part), overwrite).await?);
                records.clear();
                cells = 0;
            }
            cells += row.cells.len() + 3;
            records.insert(row.record.as_str());
            part.push(row);
        }
        written.add(self.send(shape, part, overwrite).await?);
        Ok(written)
    }

    async fn send(&self, shape: &Shape, mut rows: Vec<&Write>, overwrite: Overwrite) -> Result<Written> {
        let mut written = Written::default();
        let mut attempts = self.client.options().limits.attempts;
        while !rows.is_empty() {
            let stored = match self.client.import(&self.table(shape, &rows), overwrite).await {
                Ok(stored) => stored,
                Err(e) if e.kind() == ErrorKind::Refused => {
                    let bad: BTreeSet<&str> = e.refusals().iter().map(|r| r.record.as_str()).collect();
                    let before = rows.len();
                    rows.retain(|row| !bad.contains(row.record.as_str()));
                    // What names no record that was sent cannot be left out.
                    if rows.len() == before {
                        return Err(e);
                    }
                    written.refused.extend(e.refusals().iter().cloned());
                    continue;
                }
                Err(e) => return Err(e),
            };
            let mut sent: BTreeMap<&str, usize> = BTreeMap::new();
            for row in &rows {
                *sent.entry(row.record.as_str()).or_default() += 1;
            }
            let missing: BTreeSet<&str> = stored.missing(&sent).into_iter().collect();
            if missing.is_empty() {
                written.rows += rows.len();
                break;
            }
            let doubted: Vec<&Write> = rows
                .iter()
                .copied()
                .filter(|row| missing.contains(row.record.as_str()))
                .collect();
            let absent = self.absent(shape, &doubted).await?;
            written.rows += rows.len() - absent.len();
            if absent.is_empty() {
                written.recounted += 1;
                break;
            }
            if attempts <= 1 {
                written.refused.extend(absent.iter().map(|row| Refusal {
                    record: row.record.clone(),
                    field: shape.form.clone(),
                    reason: Reason::NotStored,
                }));
                break;
            }
            attempts -= 1;
            rows = absent;
        }
        Ok(written)
    }

    /// Rows of which a cell is not as it was sent.
    async fn absent<'w>(&self, shape: &Shape, rows: &[&'w Write]) -> Result<Vec<&'w Write>> {
        let ids: BTreeSet<&str> = rows.iter().map(|row| row.record.as_str()).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let read = self.read(std::slice::from_ref(shape), &ids).await?;
        let there: HashMap<(&str, Option<u32>), &Row> = read
            .forms
            .iter()
            .flatten()
            .map(|row| ((row.record.as_str(), row.instance), row))
            .collect();
        let zone = table_description::typing::Zone::berlin();
        let is_there = |row: &Write| {
            let Some(found) = there.get(&(row.record.as_str(), row.instance)) else {
                return false;
            };
            row.cells.iter().all(|(column, text)| {
                let codec = shape.codec(*column);
                let there = found.cell(*column);
                codec.is_none_or(|codec| {
                    there.trim() == text.trim()
                        || codec
                            .to_hub(text, &zone)
                            .is_ok_and(|value| codec.same(&value.unwrap_or_default(), there, &zone))
                })
            })
        };
        Ok(rows.iter().copied().filter(|row| !is_there(row)).collect())
    }

    fn table(&self, shape: &Shape, rows: &[&Write]) -> Table {
        let columns: BTreeSet<usize> = rows
            .iter()
            .flat_map(|row| row.cells.iter().map(|(column, _)| *column))
            .collect();
        let mut heads = vec![self.record_field().to_owned()];
        if shape.repeats {
            heads.extend([INSTRUMENT.to_owned(), INSTANCE.to_owned()]);
        }
        let name = |column: &usize| shape.codec(*column).map(|codec| codec.column.clone());
        heads.extend(columns.iter().filter_map(name));
        let cells = |row: &&Write| {
            let mut cells = vec![row.record.clone()];
            if shape.repeats {
                cells.push(shape.form.clone());
                cells.push(row.instance.map_or_else(String::new, |n| n.to_string()));
            }
            let mut given: HashMap<usize, &str> = row
                .cells
                .iter()
                .map(|(column, text)| (*column, text.as_str()))
                .collect();
            cells.extend(
                columns
                    .iter()
                    .map(|column| given.remove(column).unwrap_or_default().to_owned()),
            );
            cells
        };
        Table::new(heads, rows.iter().map(cells).collect())
    }

    pub(super) async fn assign(&self, groups: &[(String, String)]) -> Result<Written> {
        let mut written = Written::default();
        for part in groups.chunks(self.client.options().limits.records.max(1)) {
            let heads = vec![self.record_field().to_owned(), GROUP.to_owned()];
            let rows = part
                .iter()
                .map(|(record, group)| vec![record.clone(), group.clone()])
                .collect();
            let table = Table::new(heads, rows);
            let sent: BTreeMap<&str, usize> = part.iter().map(|(record, _)| (record.as_str(), 1)).collect();
            for _ in 0..self.client.options().limits.attempts.max(1) {
                match self.client.import(&table, Overwrite::Never).await {
                    Ok(stored) if !stored.missing(&sent).is_empty() => {}
                    Ok(_) => {
                        written.rows += part.len();
                        break;
                    }
                    Err(e) if e.kind() == ErrorKind::Refused => {
                        written.refused.extend(e.refusals().iter().cloned());
                        break;
                    }
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(written)
    }
}

/// Whether nobody has opened the form: servers show it with ticks that are not set and as begun.
fn is_untouched(shape: &Shape, row: &Row) -> bool {
    (0..row.cells.len()).all(|at| {
        let cell = row.cell(at).trim();
        let is_default =
            Some(at) == shape.complete || shape.codec(at).is_some_and(|codec| codec.column.contains("___"));
        cell.is_empty() || (is_default && cell == "0")
    })
}
