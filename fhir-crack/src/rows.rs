mod batches;

use std::collections::BTreeMap;

use crate::duplicates::TextHash;
use crate::error::Limit;
use crate::index_path::IndexPath;
use crate::limits::Limits;
use crate::outline::{Recorded, Recorder};
use crate::plan::{Node, Plan, Sink};
use crate::repair::{Mark, Repair, Repaired};
use crate::store::{ARENA, Span, Store};
use crate::summary::TableSummary;

/// The rows of all tables while a chunk of a page is walked.
///
/// Values of a resource are pushed as they are met and become a row when the resource is committed, or vanish when its
/// end is not among the bytes at hand and it has to be walked again.
pub(crate) struct Rows {
    store: Store,
    /// Room for a value while it is unescaped.
    pub(crate) scratch: String,
    /// Columns of all tables, hidden ones included.
    columns: usize,
    /// What the values of columns are hashed with the plan did not know, behind those it knows: hashed by number.
    keys: Vec<u64>,
    /// Columns met that the plan did not know, by table: name and number.
    named: Vec<BTreeMap<String, u32>>,
    /// Rows committed, by table.
    rows: Vec<u32>,
    hashes: Vec<Vec<u128>>,
    hashing: bool,
    /// Of the values since the last commit, by table: how many, and the sum of their hashes.
    sums: Vec<(u32, u128)>,
    /// Column and place of every value since the last hand-out, in the order met; sorted by column at the end, which
    /// costs less than a list a column.
    log: Vec<(u32, Span)>,
    /// How many of them belong to committed rows.
    committed: usize,
    /// Room for the number of values of every column.
    counts: Vec<u32>,
    /// Columns of the plan.
    planned: usize,
    /// First column of every table.
    tables: Vec<u32>,
    /// Bytes of the values since the last commit.
    bytes: u64,
    mark: (usize, usize),
    last_index: u32,
    /// What is recorded instead, with a plan for outlines.
    outlines: Option<Recorded>,
    /// Values that were read otherwise than they stand in the page, since the last hand-out.
    marks: Vec<Mark>,
    /// How many of them belong to committed rows.
    marks_committed: usize,
}

impl Rows {
    pub(crate) fn new(plan: &Plan, hashing: bool) -> Self {
        let tables = plan.tables.len();
        let store = Store::default();
        let mark = store.mark();
        Self {
            store,
            scratch: String::new(),
            columns: plan.columns,
            keys: Vec::new(),
            named: vec![BTreeMap::new(); tables],
            rows: vec![0; tables],
            hashes: vec![Vec::new(); tables],
            hashing,
            sums: vec![(0, 0); tables],
            log: Vec::new(),
            committed: 0,
            counts: Vec::new(),
            planned: plan.columns,
            tables: plan.tables.iter().map(|table| table.first as u32).collect(),
            bytes: 0,
            mark,
            last_index: 0,
            outlines: plan.outlines.then(|| Recorded::new(tables)),
            marks: Vec::new(),
            marks_committed: 0,
        }
    }

    /// Adds a value met on a walk to the columns that end at its element.
    #[inline(always)]
    pub(crate) fn push_walked(&mut self, element: &Node, path: &IndexPath, start: u32, text: &[u8]) {
        let index = if path.is_ones(element.depth) {
            Store::ones(element.depth)
        } else {
            self.store
                .other_index(path.to(element.depth), &mut self.last_index)
        };
        self.push_span(&element.sinks, index, start, text);
    }

    /// Adds a value met on a walk that does not stand in the page as it is.
    pub(crate) fn push_unescaped(
        &mut self,
        element: &Node,
        path: &IndexPath,
        text: &str,
        limits: &Limits,
    ) -> Result<(), Limit> {
        self.push(&element.sinks, path.to(element.depth), text, limits)
    }

    /// Adds a value that does not stand in the page as it is to columns.
    pub(crate) fn push(
        &mut self,
        sinks: &[Sink],
        index: &[u32],
        text: &str,
        limits: &Limits,
    ) -> Result<(), Limit> {
        if self.pushed() >= limits.entries as usize {
            return Err(Limit::Entries);
        }
        let start = self.store.keep(text);
        if self.store.arena.len() > Limits::CHUNK_BYTES {
            return Err(Limit::PageBytes);
        }
        let index = self.store.index(index, &mut self.last_index);
        self.push_span(sinks, index, start, text.as_bytes());
        Ok(())
    }

    /// Notes that the value pushed to these columns is read otherwise than it stands in the page.
    #[cold]
    pub(crate) fn mark_repaired(&mut self, sinks: &[Sink], what: Repaired) {
        for sink in sinks {
            let row = self.rows.get(sink.table as usize).copied().unwrap_or_default();
            self.marks.push(Mark {
                table: sink.table,
                column: sink.column,
                row,
                what,
            });
        }
    }

    /// The same for the values since the last commit that hold the byte at this place of the page.
    #[cold]
    pub(crate) fn mark_place(&mut self, place: u32, what: Repaired) {
        for (column, span) in self.log.get(self.committed..).unwrap_or_default() {
            if span.start & ARENA == 0 && (span.start..span.start + span.len).contains(&place) {
                let table = self.tables.partition_point(|&first| first <= *column);
                self.marks.push(Mark {
                    table: table.saturating_sub(1) as u32,
                    column: *column,
                    row: span.row,
                    what,
                });
            }
        }
    }

    #[inline(always)]
    fn push_span(&mut self, sinks: &[Sink], index: u32, start: u32, text: &[u8]) {
        let len = text.len() as u32;
        self.bytes += u64::from(len);
        let (hash, index_hash) = if self.hashing {
            (TextHash::new(text), self.store.index_hash(index))
        } else {
            Default::default()
        };
        for sink in sinks {
            let row = self.rows.get(sink.table as usize).copied().unwrap_or_default();
            let span = Span {
                row,
                start,
                len,
                index,
            };
            self.log.push((sink.column, span));
            let key = if self.hashing { self.key(sink.column) } else { 0 };
            if let Some((count, sum)) = self.sums.get_mut(sink.table as usize) {
                *count += 1;
                if self.hashing {
                    *sum = sum.wrapping_add(hash.of_value(key, index_hash));
                }
            }
        }
    }

    /// What the values of a column are hashed with.
    #[inline(always)]
    fn key(&self, column: u32) -> u64 {
        match (column as usize).checked_sub(self.planned) {
            None => u64::from(column),
            Some(place) => self.keys.get(place).copied().unwrap_or_default(),
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
        let column = self.columns as u32;
        let key = TextHash::new(name.as_bytes()).of_value(u64::MAX, 0) as u64;
        named.insert(name.to_owned(), column);
        self.columns += 1;
        self.keys.push(key);
        Ok(Sink { column, table })
    }

    /// How many values the resource has so far.
    pub(crate) fn pushed(&self) -> usize {
        self.log.len() - self.committed
    }

    /// Whether there are rows to be handed out.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().all(|&rows| rows == 0)
    }

    /// Forgets what was pushed since the last commit.
    pub(crate) fn rollback(&mut self) {
        self.log.truncate(self.committed);
        self.marks.truncate(self.marks_committed);
        self.sums.fill((0, 0));
        self.bytes = 0;
        self.store.truncate(self.mark);
        self.last_index = 0;
        if let Some(outlines) = &mut self.outlines {
            outlines.rollback();
        }
    }

    /// Whether elements are recorded instead of the values of columns.
    pub(crate) fn records(&self) -> bool {
        self.outlines.is_some()
    }

    /// Begins to record a resource; `attributes` if values are attributes of their element.
    pub(crate) fn recorder(&mut self, attributes: bool) -> Option<Recorder<'_>> {
        let outlines = self.outlines.as_mut()?;
        let first = outlines.committed();
        Some(Recorder::new(
            &mut outlines.items,
            first,
            &mut self.store,
            &mut self.scratch,
            attributes,
        ))
    }

    fn commit_outline(
        &mut self,
        tables: &[u32],
        summaries: &mut [TableSummary],
        limits: &Limits,
    ) -> Result<(), Limit> {
        if let Some(outlines) = &mut self.outlines {
            outlines.commit(tables, limits)?;
        }
        for &table in tables {
            if let Some(summary) = summaries.get_mut(table as usize) {
                summary.resources += 1;
                summary.rows += 1;
            }
            if let Some(rows) = self.rows.get_mut(table as usize) {
                *rows += 1;
            }
        }
        self.mark = self.store.mark();
        Ok(())
    }

    /// Makes rows of what was pushed since the last commit, one in every table of the resource's type that got a value.
    pub(crate) fn commit(
        &mut self,
        tables: &[u32],
        summaries: &mut [TableSummary],
        limits: &Limits,
    ) -> Result<(), Limit> {
        if self.outlines.is_some() {
            return self.commit_outline(tables, summaries, limits);
        }
        self.check(limits)?;
        for &table in tables {
            let sum = self.sums.get_mut(table as usize);
            let (values, hash) = sum.map(std::mem::take).unwrap_or_default();
            let Some(summary) = summaries.get_mut(table as usize) else {
                continue;
            };
            summary.resources += 1;
            if values == 0 {
                summary.no_value += 1;
                continue;
            }
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
        self.committed = self.log.len();
        self.marks_committed = self.marks.len();
        self.bytes = 0;
        self.mark = self.store.mark();
        Ok(())
    }

    /// Values since the last commit that were read otherwise than they stand in the page.
    pub(crate) fn repaired(&self) -> u64 {
        (self.marks.len() - self.marks_committed) as u64
    }

    fn check(&self, limits: &Limits) -> Result<(), Limit> {
        if self.pushed() > limits.entries as usize {
            return Err(Limit::Entries);
        }
        if self.bytes > u64::from(limits.cell_bytes) {
            let mut cells = std::collections::HashMap::<u32, u64>::new();
            for (column, span) in self.log.get(self.committed..).unwrap_or_default() {
                *cells.entry(*column).or_default() += u64::from(span.len);
            }
            if cells.values().any(|&bytes| bytes > u64::from(limits.cell_bytes)) {
                return Err(Limit::CellBytes);
            }
        }
        Ok(())
    }
}

/// The repairs of one table, its first column given.
fn repairs(marks: &[Mark], table: usize, first: usize) -> Vec<Repair> {
    let of_table = marks.iter().filter(|mark| mark.table as usize == table);
    of_table
        .filter_map(|mark| {
            Some(Repair {
                row: mark.row,
                column: mark.column.checked_sub(first as u32)?,
                what: mark.what,
            })
        })
        .collect()
}
