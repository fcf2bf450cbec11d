//! From hashed rows to stored ones: ask which are known, copy the others in.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::Loaded;
use super::copy_buffer::CopyBuffer;
use super::hash::RowHash;
use super::rows::Rows;
use super::statements::Statements;
use crate::{Error, Result};

/// What became of the rows of one call, row by row.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Counts.
    pub(crate) loaded: Loaded,
    /// Keys of rows stored for the first time.
    pub(crate) new: Vec<i32>,
    /// Keys of rows confirmed.
    pub(crate) seen: Vec<i32>,
    /// Keys whose `meta` was overwritten.
    pub(crate) changed: Vec<i32>,
    /// The key of every content that is stored now; only of raw and typed rows, which refer to each other by it.
    pub(crate) keys: HashMap<RowHash, i32>,
    /// The new rows, position and key.
    pub(crate) stored: Vec<(usize, i32)>,
    /// Rows the database refused, with the SQLSTATE.
    pub(crate) refused: Vec<(usize, String)>,
}

/// What every row of an import gets.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    /// The import.
    pub(crate) import: i32,
    /// Time of input: microseconds of wall time since 2000-01-01, as the server has it.
    pub(crate) input: i64,
}

/// Rows are sent to the server in pieces of about this size.
const SEND_BYTES: usize = 256 * 1024;

/// Stores rows under an import. The first of several rows with the same content becomes the row; the last one confirms
/// it and brings its `meta`.
pub(crate) async fn store(
    connection: &mut PgConnection,
    stamp: Stamp,
    statements: &Statements,
    rows: &Rows,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    // In the order of the index: neighbours are then on the same pages, and twins beside one another.
    let mut firsts = Vec::with_capacity(rows.len());
    let mut lasts = Vec::new();
    let mut between = 0;
    for twins in rows.by_hash().chunk_by(|&a, &b| rows.hash(a) == rows.hash(b)) {
        firsts.extend(twins.first());
        if let [_, middle @ .., last] = twins {
            lasts.push(*last);
            between += middle.len() as u64;
        }
    }
    pass(connection, stamp, statements, rows, &firsts, &mut outcome).await?;
    if !lasts.is_empty() {
        pass(connection, stamp, statements, rows, &lasts, &mut outcome).await?;
        outcome.loaded.seen += between;
    }
    Ok(outcome)
}

/// One pass over rows of different content, in the order of their hashes.
async fn pass(
    connection: &mut PgConnection,
    stamp: Stamp,
    statements: &Statements,
    rows: &Rows,
    positions: &[usize],
    outcome: &mut Outcome,
) -> Result<()> {
    let unknown = ask(connection, stamp, statements, rows, positions, outcome).await?;
    if unknown.is_empty() {
        return Ok(());
    }
    // Ids in the order of delivery.
    let mut unknown = unknown;
    unknown.sort_unstable();
    let name = &statements.table.name;
    let ids: Vec<i32> = sqlx::query_scalar(statements.draw)
        .bind(i32::try_from(unknown.len()).unwrap_or(i32::MAX))
        .fetch_one(&mut *connection)
        .await
        .map_err(|e| Error::sql(format!("drawing ids for {name}"), &e))?;
    let new: Vec<(usize, i32)> = unknown.into_iter().zip(ids).collect();
    let mut pieces = vec![new.as_slice()];
    while let Some(piece) = pieces.pop() {
        match copy_in(connection, stamp, statements, rows, piece).await? {
            None => {
                for &(row, id) in piece {
                    outcome.new.push(id);
                    if statements.keeps_keys() {
                        outcome.keys.insert(rows.hash(row), id);
                    }
                    outcome.stored.push((row, id));
                }
                outcome.loaded.new += piece.len() as u64;
            }
            Some(state) => match piece {
                [(row, _)] => {
                    outcome.refused.push((*row, state));
                    outcome.loaded.quarantined += 1;
                }
                _ => {
                    // Halve; the first half is tried first.
                    let (left, right) = piece.split_at(piece.len() / 2);
                    pieces.push(right);
                    pieces.push(left);
                }
            },
        }
    }
    Ok(())
}

/// Finds the known rows among these; the positions of the others.
async fn ask(
    connection: &mut PgConnection,
    stamp: Stamp,
    statements: &Statements,
    rows: &Rows,
    positions: &[usize],
    outcome: &mut Outcome,
) -> Result<Vec<usize>> {
    let name = &statements.table.name;
    // In their order, as the positions are.
    let hashes: Vec<RowHash> = positions.iter().map(|&row| rows.hash(row)).collect();
    let (known, ids, digests): (Vec<RowHash>, Vec<i32>, Vec<i64>) =
        sqlx::query_as(AssertSqlSafe(statements.known.clone()))
            .bind(&hashes)
            .fetch_one(&mut *connection)
            .await
            .map_err(|e| Error::sql(format!("looking up known rows of {name}"), &e))?;
    let has_meta = statements.table.has_meta();
    let mut is_known = vec![false; positions.len()];
    let mut differing: Vec<(usize, i32)> = Vec::new();
    let mut next = 0;
    for ((hash, &id), digest) in known.into_iter().zip(&ids).zip(digests) {
        // The index answers in its order, so the next hash is mostly the one.
        let at = if hashes.get(next) == Some(&hash) {
            next
        } else if let Ok(at) = hashes.binary_search(&hash) {
            at
        } else {
            continue;
        };
        next = at + 1;
        if let (Some(flag), Some(&row)) = (is_known.get_mut(at), positions.get(at)) {
            *flag = true;
            if statements.keeps_keys() {
                outcome.keys.insert(hash, id);
            }
            if has_meta && digest != rows.digest(row) {
                differing.push((row, id));
            }
        }
    }
    let unknown: Vec<usize> = positions
        .iter()
        .zip(&is_known)
        .filter(|(_, known)| !**known)
        .map(|(&row, _)| row)
        .collect();
    outcome.loaded.seen += (positions.len() - unknown.len()) as u64;
    outcome.seen.extend_from_slice(&ids);
    if !differing.is_empty() {
        overwrite(connection, stamp, statements, rows, &differing, outcome).await?;
    }
    Ok(unknown)
}

/// Overwrites the `meta` values of known rows.
async fn overwrite(
    connection: &mut PgConnection,
    stamp: Stamp,
    statements: &Statements,
    rows: &Rows,
    differing: &[(usize, i32)],
    outcome: &mut Outcome,
) -> Result<()> {
    let Some(sql) = &statements.overwrite else {
        return Ok(());
    };
    let meta: Vec<usize> = (0..)
        .zip(&statements.table.columns)
        .filter(|(_, c)| c.meta)
        .map(|(n, _)| n)
        .collect();
    let mut values: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(differing.len()); meta.len()];
    for &(row, _) in differing {
        let mut texts = rows.texts(row);
        for (values, &column) in values.iter_mut().zip(&meta) {
            values.push(texts.get_mut(column).and_then(Option::take));
        }
    }
    let ids: Vec<i32> = differing.iter().map(|(_, id)| *id).collect();
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql.clone()))
        .bind(stamp.import)
        .bind(ids);
    for column in values {
        query = query.bind(column);
    }
    let changed: Vec<i32> = query
        .fetch_one(connection)
        .await
        .map_err(|e| Error::sql(format!("overwriting meta of {}", statements.table.name), &e))?;
    outcome.loaded.meta_changed += changed.len() as u64;
    outcome.changed.extend(changed);
    Ok(())
}

/// Copies rows in, or gives the SQLSTATE with which the database refuses one of them. What is nobody's row's fault is an error.
async fn copy_in(
    connection: &mut PgConnection,
    stamp: Stamp,
    statements: &Statements,
    rows: &Rows,
    new: &[(usize, i32)],
) -> Result<Option<String>> {
    let name = &statements.table.name;
    let failed = |e: &sqlx::Error| Error::sql(format!("copying rows into {name}"), e);
    sqlx::query("SAVEPOINT piece")
        .execute(&mut *connection)
        .await
        .map_err(|e| failed(&e))?;
    match send(connection, stamp, statements, rows, new).await {
        Ok(()) => {
            sqlx::query("RELEASE SAVEPOINT piece")
                .execute(connection)
                .await
                .map_err(|e| failed(&e))?;
            Ok(None)
        }
        Err(error) => {
            let refused = Error::refused_row(&error).ok_or_else(|| failed(&error))?;
            sqlx::query("ROLLBACK TO SAVEPOINT piece")
                .execute(connection)
                .await
                .map_err(|e| failed(&e))?;
            Ok(Some(refused))
        }
    }
}

async fn send(
    connection: &mut PgConnection,
    stamp: Stamp,
    statements: &Statements,
    rows: &Rows,
    new: &[(usize, i32)],
) -> sqlx::Result<()> {
    let has_meta = statements.table.has_meta();
    let now = stamp.input.to_be_bytes();
    let mut copy = connection.copy_in_raw(&statements.copy).await?;
    let mut buffer = CopyBuffer::new();
    for &(row, id) in new {
        buffer.begin_row(statements.fields);
        buffer.field(&id.to_be_bytes());
        if let Some(raw_id) = rows.raw_id(row) {
            buffer.field(&raw_id.to_be_bytes());
        }
        buffer.field(&stamp.import.to_be_bytes());
        buffer.field(&now);
        buffer.fields(rows.fields(row));
        if has_meta {
            buffer.field(&rows.digest(row).to_be_bytes());
        }
        buffer.field(&rows.hash(row).0);
        if buffer.len() >= SEND_BYTES {
            copy.send(buffer.bytes()).await?;
            buffer.clear();
        }
    }
    buffer.finish();
    copy.send(buffer.bytes()).await?;
    copy.finish().await?;
    Ok(())
}
