use std::collections::BTreeMap;
use std::sync::Arc;

use table_description::{Column, ElementPath, FhirType, Origin, TableDescription};

use crate::batch::Batch;
use crate::duplicates::hash_value;
use crate::error::Limit;
use crate::limits::Limits;
use crate::plan::{Plan, Sink, TablePlan};
use crate::store::{Span, Store};
use crate::summary::TableSummary;

/// The rows of all tables while a chunk of a page is walked.
///
/// Values of a resource are pushed as they are met and become a row when the resource is committed, or vanish when its
/// end is not among the bytes at hand and it has to be walked again.
pub(crate) struct Rows {
    pub(crate) store: Store,
    columns: Vec<Vec<Span>>,
    /// The table of every column, and what its values are hashed with.
    owners: Vec<(u32, u64)>,
    /// Columns met that the plan did not know, by table: name and number.
    named: Vec<BTreeMap<String, u32>>,
    /// Rows committed, by table.
    rows: Vec<u32>,
    hashes: Vec<Vec<u128>>,
    hashing: bool,
    /// Column and place in it of every value since the last commit.
    journal: Vec<(u32, u32)>,
    /// Bytes of the values since the last commit.
    bytes: u64,
    mark: (usize, usize),
    last_index: u32,
}

impl Rows {
    pub(crate) fn new(plan: &Plan, hashing: bool) -> Self {
        let tables = plan.tables.len();
        let store = Store::default();
        let mark = store.mark();
        let mut owners = vec![(0, 0); plan.columns];
        for (number, table) in plan.tables.iter().enumerate() {
            let columns = (table.first..table.first + table.description.columns.len())
                .chain(table.hidden.map(|h| h as usize));
            for column in columns {
                if let Some(owner) = owners.get_mut(column) {
                    *owner = (number as u32, column as u64);
                }
            }
        }
        Self {
            store,
            columns: vec![Vec::new(); plan.columns],
            owners,
            named: vec![BTreeMap::new(); tables],
            rows: vec![0; tables],
            hashes: vec![Vec::new(); tables],
            hashing,
            journal: Vec::new(),
            bytes: 0,
            mark,
            last_index: 0,
        }
    }

    /// Adds a value to the columns that end at an element.
    #[inline(always)]
    pub(crate) fn push(&mut self, sinks: &[Sink], index: &[u32], start: u32, len: u32) {
        let index = self.store.index(index, &mut self.last_index);
        self.bytes += u64::from(len);
        for sink in sinks {
            let row = self.rows.get(sink.table as usize).copied().unwrap_or_default();
            if let Some(column) = self.columns.get_mut(sink.column as usize) {
                self.journal.push((sink.column, column.len() as u32));
                column.push(Span {
                    row,
                    start,
                    len,
                    index,
                });
            }
        }
    }

    /// The column of this name of a table, made if the table has none yet. Names count towards a limit, since hostile
    /// input could have any number of them.
    pub(crate) fn column(&mut self, table: u32, name: &str) -> Result<Sink, Limit> {
        let named = self.named.get_mut(table as usize).ok_or(Limit::Columns)?;
        if let Some(&column) = named.get(name) {
            return Ok(Sink { column, table });
        }
        if named.len() >= Limits::COLUMNS {
            return Err(Limit::Columns);
        }
        let column = self.columns.len() as u32;
        let key = hash_value(u64::MAX, 0, name.as_bytes()) as u64;
        named.insert(name.to_owned(), column);
        self.columns.push(Vec::new());
        self.owners.push((table, key));
        Ok(Sink { column, table })
    }

    /// How many values the resource has so far.
    pub(crate) fn pushed(&self) -> usize {
        self.journal.len()
    }

    /// Whether there are rows to be handed out.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().all(|&rows| rows == 0)
    }

    /// Forgets what was pushed since the last commit.
    pub(crate) fn rollback(&mut self) {
        for &(column, _) in &self.journal {
            if let Some(column) = self.columns.get_mut(column as usize) {
                column.pop();
            }
        }
        self.journal.clear();
        self.bytes = 0;
        self.store.truncate(self.mark);
        self.last_index = 0;
    }

    /// Makes rows of what was pushed since the last commit, one in every table of the resource's type that got a value.
    pub(crate) fn commit(
        &mut self,
        text: &str,
        tables: &[u32],
        summaries: &mut [TableSummary],
        limits: &Limits,
    ) -> Result<(), Limit> {
        self.check(limits)?;
        for &table in tables {
            let hash = self.row_hash(text, table, tables.len() > 1);
            let Some(summary) = summaries.get_mut(table as usize) else {
                continue;
            };
            summary.resources += 1;
            let Some(hash) = hash else {
                summary.no_value += 1;
                continue;
            };
            summary.rows += 1;
            if let Some(rows) = self.rows.get_mut(table as usize) {
                *rows += 1;
            }
            if self.hashing
                && let Some(hashes) = self.hashes.get_mut(table as usize)
            {
                hashes.push(hash);
            }
        }
        self.journal.clear();
        self.bytes = 0;
        self.mark = self.store.mark();
        Ok(())
    }

    fn check(&self, limits: &Limits) -> Result<(), Limit> {
        if self.journal.len() > limits.entries as usize {
            return Err(Limit::Entries);
        }
        if self.bytes > u64::from(limits.cell_bytes) {
            let mut cells = std::collections::HashMap::<u32, u64>::new();
            for &(column, place) in &self.journal {
                *cells.entry(column).or_default() += self.span(column, place).map_or(0, |s| u64::from(s.len));
            }
            if cells.values().any(|&bytes| bytes > u64::from(limits.cell_bytes)) {
                return Err(Limit::CellBytes);
            }
        }
        Ok(())
    }

    fn span(&self, column: u32, place: u32) -> Option<&Span> {
        self.columns.get(column as usize)?.get(place as usize)
    }

    /// The hash of the values of a table since the last commit; none if there is no value. `shared` if other tables may
    /// have got values as well.
    fn row_hash(&self, text: &str, table: u32, shared: bool) -> Option<u128> {
        let mut found = false;
        let mut sum = 0_u128;
        for &(column, place) in &self.journal {
            let &(owner, key) = self.owners.get(column as usize)?;
            if shared && owner != table {
                continue;
            }
            found = true;
            if !self.hashing {
                break;
            }
            if let Some(span) = self.span(column, place) {
                let value = self.store.text_in(text, span);
                let index = self.store.index_hash(span.index);
                sum = sum.wrapping_add(hash_value(key, index, value.as_bytes()));
            }
        }
        found.then_some(sum)
    }

    /// Hands out the rows so far as one batch a table, together with the text they refer to. `again` if as many are to
    /// be expected next.
    pub(crate) fn take(&mut self, text: String, plan: &Plan, again: bool) -> Vec<Batch> {
        let mut store = std::mem::take(&mut self.store);
        store.text = text;
        let store = Arc::new(store);
        self.mark = self.store.mark();
        self.last_index = 0;
        let mut batches = Vec::with_capacity(plan.tables.len());
        for (number, table) in plan.tables.iter().enumerate() {
            let (description, columns) = if self.named.get(number).is_none_or(BTreeMap::is_empty) {
                let last = table.first + table.description.columns.len();
                let columns = self.columns.get_mut(table.first..last).unwrap_or_default();
                (
                    Arc::clone(&table.description),
                    columns.iter_mut().map(|column| renew(column, again)).collect(),
                )
            } else {
                self.take_named(number, table)
            };
            batches.push(Batch {
                table: description,
                rows: self.rows.get_mut(number).map(std::mem::take).unwrap_or_default(),
                store: Arc::clone(&store),
                columns,
                hashes: self
                    .hashes
                    .get_mut(number)
                    .map(std::mem::take)
                    .unwrap_or_default(),
            });
            if let Some(hidden) = table.hidden.and_then(|h| self.columns.get_mut(h as usize)) {
                hidden.clear();
            }
        }
        batches
    }

    /// The columns of a table that are known by name, those with values, in byte order; and the table that has them.
    fn take_named(&mut self, number: usize, table: &TablePlan) -> (Arc<TableDescription>, Vec<Vec<Span>>) {
        let mut description = (*table.description).clone();
        let mut columns = Vec::new();
        let base = std::mem::take(&mut description.columns);
        for (name, &column) in self.named.get(number).into_iter().flatten() {
            let Some(spans) = self
                .columns
                .get_mut(column as usize)
                .filter(|spans| !spans.is_empty())
            else {
                continue;
            };
            columns.push(std::mem::take(spans));
            let stem = name.rsplit_once('@').map_or(name.as_str(), |(stem, _)| stem);
            description
                .columns
                .push(match base.iter().find(|c| c.name == stem) {
                    Some(column) => Column {
                        name: name.clone(),
                        ..column.clone()
                    },
                    None => {
                        let path = ElementPath::new(stem.replace('.', "/"));
                        Column::new(name.clone(), Origin::Element(path), FhirType::String)
                    }
                });
        }
        (Arc::new(description), columns)
    }
}

/// Takes the spans of a column, and leaves room for as many if there is to be more.
fn renew(column: &mut Vec<Span>, again: bool) -> Vec<Span> {
    let room = if again { column.len() + column.len() / 8 } else { 0 };
    std::mem::replace(column, Vec::with_capacity(room))
}
