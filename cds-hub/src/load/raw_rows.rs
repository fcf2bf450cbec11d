use fhir_crack::Batch;
use fhir_crack::notation::Notation;

use super::hash::Hasher;
use super::rows::Rows;
use crate::schema::{StoredColumn, StoredTable};

impl Rows {
    /// The raw rows of batches of one table.
    pub(super) fn of_raw(table: &StoredTable, batches: &[Batch]) -> Self {
        let mut encoding = RawEncoding::new(table);
        let mut walk = RawWalk::new(batches);
        while walk.advance() {
            encoding.add(&mut walk);
        }
        encoding.finish()
    }
}

/// What a cell takes part in; small, since it is asked for with every cell.
#[derive(Clone, Copy)]
enum Part {
    Content,
    /// Content where it has a value, with the column's name.
    AddedContent,
    Meta,
    Neither,
}

impl Part {
    fn of(column: &StoredColumn) -> Self {
        match column {
            c if c.hashed && c.added => Self::AddedContent,
            c if c.hashed => Self::Content,
            c if c.meta => Self::Meta,
            _ => Self::Neither,
        }
    }
}

/// A column that has values in a batch, behind so many that have none.
#[derive(Default)]
struct Stretch {
    nulls: usize,
    /// Of these, how many count in the hash and how many in the digest.
    content: usize,
    meta: usize,
    /// `None` behind the last column with values.
    cell: Option<(usize, Part)>,
}

/// The columns of a table as stretches, for rows of this batch.
fn stretches(parts: &[Part], batch: Option<&Batch>) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut stretch = Stretch::default();
    for (position, &part) in parts.iter().enumerate() {
        if batch.is_some_and(|b| b.entries(position).len() > 0) {
            stretch.cell = Some((position, part));
            stretches.push(std::mem::take(&mut stretch));
        } else {
            stretch.nulls += 1;
            stretch.content += usize::from(matches!(part, Part::Content));
            stretch.meta += usize::from(matches!(part, Part::Meta));
        }
    }
    stretches.push(stretch);
    stretches
}

/// Raw rows that are being encoded.
struct RawEncoding<'t> {
    table: &'t StoredTable,
    parts: Vec<Part>,
    /// Those of batch number `batch` of the walk.
    stretches: Vec<Stretch>,
    batch: usize,
    rows: Rows,
    content: Hasher,
    meta: Hasher,
}

impl<'t> RawEncoding<'t> {
    fn new(table: &'t StoredTable) -> Self {
        Self {
            table,
            parts: table.columns.iter().map(Part::of).collect(),
            stretches: Vec::new(),
            batch: 0,
            rows: Rows::new(table),
            content: Hasher::default(),
            meta: Hasher::default(),
        }
    }

    /// Adds the row at which the walk stands.
    fn add(&mut self, walk: &mut RawWalk<'_>) {
        let Self {
            rows, content, meta, ..
        } = self;
        if self.batch != walk.number {
            self.batch = walk.number;
            self.stretches = stretches(&self.parts, walk.batch);
        }
        for stretch in &self.stretches {
            rows.nulls(stretch.nulls);
            content.nulls(stretch.content);
            meta.nulls(stretch.meta);
            let Some((position, part)) = stretch.cell else {
                continue;
            };
            let start = rows.begin_field();
            let some = walk.write(position, &mut rows.fields);
            let text = rows.end_field(start, some);
            match part {
                Part::Content => content.text(text),
                Part::AddedContent => {
                    if let Some(column) = self.table.columns.get(position) {
                        content.added_text(&column.name, text);
                    }
                }
                Part::Meta => meta.text(text),
                Part::Neither => {}
            }
        }
        rows.ends.push(rows.fields.len());
        content.end_row();
        meta.end_row();
    }

    fn finish(mut self) -> Rows {
        self.rows.hashed(self.content, self.meta);
        self.rows
    }
}

/// Walks over the rows of several batches of one table, one after the other.
struct RawWalk<'a> {
    batches: std::slice::Iter<'a, Batch>,
    /// The batch that is walked over, and its number, counted from 1.
    batch: Option<&'a Batch>,
    number: usize,
    cursor: Option<fhir_crack::Cursor<'a>>,
    notation: Notation,
}

impl<'a> RawWalk<'a> {
    fn new(batches: &'a [Batch]) -> Self {
        Self {
            batches: batches.iter(),
            batch: None,
            number: 0,
            cursor: None,
            notation: Notation::default(),
        }
    }

    fn advance(&mut self) -> bool {
        loop {
            if let Some(cursor) = &mut self.cursor
                && cursor.advance()
            {
                return true;
            }
            let Some(batch) = self.batches.next() else {
                return false;
            };
            self.batch = Some(batch);
            self.number += 1;
            self.cursor = Some(batch.cursor());
        }
    }

    /// Appends a cell; `false` for NULL, which an empty text is too.
    fn write(&mut self, column: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        self.cursor
            .as_mut()
            .is_some_and(|c| self.notation.write(c.cell(column), out))
            && out.len() > start
    }
}
