//! Cells whose text does not tell their values: a note that reads `[1.1]no index ~ [1.2]neither` looks like two values.
//!
//! The text form is the contract's and stays as it is. Whoever types such a row from its text gets the values from here.

use std::collections::HashMap;

use fhir_crack::notation::{Notation, path_depth};
use fhir_crack::{Batch, BatchBuilder};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgPool};

use crate::schema::StoredTable;
use crate::transfer::Names;
use crate::{Error, Result};

/// The values of such a cell: each with its index (`1.2`, empty where it has none) and its text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Structure {
    /// Position of the row, counted from 0.
    pub(super) row: u32,
    /// Position of the column.
    pub(super) column: u32,
    pub(super) values: Vec<(String, String)>,
}

/// The cells of batches, one below the other, whose text reads as other values.
pub(super) fn structures(batches: &[Batch]) -> Vec<Structure> {
    let notation = Notation::default();
    let (mut found, mut first, mut text) = (Vec::new(), 0, Vec::new());
    for batch in batches {
        let table = batch.table();
        for (column, description) in table.columns.iter().enumerate() {
            let depth = match &table.resource {
                Some(_) => path_depth(description.path().as_str()),
                None => 0,
            };
            for row in suspects(batch, column, depth) {
                text.clear();
                notation.write(batch.cell(row as usize, column), &mut text);
                let text = String::from_utf8_lossy(&text);
                let read = notation.parse(&text, depth);
                let read: Vec<(Vec<u32>, &str)> = read
                    .map(|value| (value.numbers().collect(), value.text))
                    .collect();
                let given = batch.cell(row as usize, column);
                let given: Vec<(Vec<u32>, &str)> =
                    given.map(|entry| (entry.index.to_vec(), entry.text)).collect();
                if read == given {
                    continue;
                }
                let value = |(index, text): (Vec<u32>, &str)| (dotted(&index), text.to_owned());
                found.push(Structure {
                    row: u32::try_from(first + row as usize).unwrap_or(u32::MAX),
                    column: u32::try_from(column).unwrap_or(u32::MAX),
                    values: given.into_iter().map(value).collect(),
                });
            }
        }
        first += batch.rows();
    }
    found
}

/// Rows whose cell may read differently; nearly none, and looked for without writing a cell.
fn suspects(batch: &Batch, column: usize, depth: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = Vec::new();
    let mut before: Option<(u32, &[u32])> = None;
    for (row, entry) in batch.entries(column) {
        let is_first = before.is_none_or(|(last, _)| last != row);
        let falls = before.is_some_and(|(last, index)| last == row && entry.index < index);
        let is_suspect = entry.text.contains(" ~ [")
            || falls
            || (entry.index.len() != depth && (!is_first || entry.text.starts_with('[') || depth > 0));
        if is_suspect && rows.last() != Some(&row) {
            rows.push(row);
        }
        before = Some((row, entry.index));
    }
    rows
}

fn dotted(index: &[u32]) -> String {
    let numbers: Vec<String> = index.iter().map(u32::to_string).collect();
    numbers.join(".")
}

/// Keeps the structures of newly stored raw rows; `ids` are those of all rows, by position, and 0 where a row has none.
pub(super) async fn keep(
    connection: &mut PgConnection,
    import: i32,
    table: &StoredTable,
    structures: &[Structure],
    ids: &[i32],
) -> Result<()> {
    let (mut raw_ids, mut columns, mut indexes, mut texts) = (vec![], vec![], vec![], vec![]);
    for structure in structures {
        let id = ids.get(structure.row as usize).copied().unwrap_or_default();
        let Some(column) = table.columns.get(structure.column as usize).filter(|_| id > 0) else {
            continue;
        };
        for (index, text) in &structure.values {
            raw_ids.push(id);
            columns.push(column.name.as_str());
            indexes.push(index.as_str());
            texts.push(text.as_str());
        }
    }
    if raw_ids.is_empty() {
        return Ok(());
    }
    sqlx::query("SELECT core.keep_values($1, $2, $3, $4, $5, $6)")
        .bind(import)
        .bind(&table.name)
        .bind(raw_ids)
        .bind(columns)
        .bind(indexes)
        .bind(texts)
        .execute(connection)
        .await
        .map_err(|e| Error::sql(format!("keeping values of {}", table.name), &e))?;
    Ok(())
}

/// The structures of rows that wait to be typed, by raw id and column.
#[derive(Default)]
pub(super) struct Structures(HashMap<(i32, usize), Vec<Indexed>>);

/// A value with its index.
type Indexed = (Vec<u32>, String);

impl Structures {
    /// Reads those of the rows in a table's queue.
    pub(super) async fn of_open(pool: &PgPool, table: &StoredTable) -> Result<Self> {
        let names = Names::of(table);
        let sql = format!(
            "SELECT v.raw_id, v.column_name, v.index_path, v.value FROM core.raw_value v
             WHERE v.table_name = $1 AND v.raw_id IN (SELECT id FROM {}) ORDER BY v.raw_id, v.column_name, v.place",
            names.open.as_deref().unwrap_or_default()
        );
        let rows: Vec<(i32, String, String, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(&table.name)
            .fetch_all(pool)
            .await
            .map_err(|e| Error::sql(format!("reading values of {}", table.name), &e))?;
        let mut structures = Self::default();
        for (id, column, index, text) in rows {
            if let Some(column) = table.columns.iter().position(|c| c.name == column) {
                let index = index.split('.').filter_map(|n| n.parse().ok()).collect();
                structures.0.entry((id, column)).or_default().push((index, text));
            }
        }
        Ok(structures)
    }

    /// Adds a cell's values as they were; `false` where its text tells them.
    pub(super) fn push(&self, id: i32, column: usize, builder: &mut BatchBuilder) -> bool {
        let Some(values) = self.0.get(&(id, column)) else {
            return false;
        };
        values
            .iter()
            .for_each(|(index, text)| builder.push(column, index, text));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use table_description::TableDescription;

    use super::*;

    fn batch(cells: &[&[(&[u32], &str)]]) -> (Batch, usize) {
        let description = table_description::default_description();
        let table: &Arc<TableDescription> = description.table("observation").expect("a table");
        let column = table.position_of_path("note/text").expect("a column");
        let mut builder = BatchBuilder::new(Arc::clone(table));
        for cell in cells {
            builder.begin_row();
            cell.iter()
                .for_each(|(index, text)| builder.push(column, index, text));
        }
        (builder.finish(), column)
    }

    #[test]
    fn only_cells_whose_text_reads_otherwise_are_kept() {
        type Cells<'c> = &'c [(&'c [u32], &'c str)];
        let cases: [(Cells<'_>, bool); 7] = [
            (&[(&[1, 1], "plain")], false),
            (&[(&[1, 1], "a ~ b"), (&[2, 1], "[sic]")], false),
            (&[(&[1, 1], "[1.1]no index ~ [1.2]neither")], true),
            (&[(&[1, 1], "x ~ [0.1]no index")], false),
            (&[(&[2, 1], "late"), (&[1, 1], "early")], true),
            (&[(&[], "without")], false),
            (&[(&[], "[1.1]without")], true),
        ];
        for (cell, kept) in cases {
            let (batch, column) = batch(&[&[], cell]);
            let found = structures(&[batch]);
            assert_eq!(found.len(), usize::from(kept), "{cell:?}");
            if let Some(found) = found.first() {
                assert_eq!((found.row, found.column as usize), (1, column));
                assert_eq!(found.values.len(), cell.len());
            }
        }
    }
}
