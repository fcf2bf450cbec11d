//! From hashed rows to stored ones: ask which are known, copy the others in.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::Loaded;
use super::copy_buffer::CopyBuffer;
use super::hash::RowHash;
use super::rows::Rows;
use super::spread::{Piece, Spread};
use super::statements::Statements;
use super::trust::Trust;
use crate::schema::identifier;
use crate::schema::index::Index;
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

/// A row that breaks a unique index.
const UNIQUE: &str = "23505";

/// Stores rows under an import.
pub(super) struct Storing<'s> {
    /// The connection of the import's transaction.
    pub(super) connection: &'s mut PgConnection,
    /// Where others look rows up and copy them in.
    pub(super) spread: Option<&'s mut Spread>,
    pub(super) trust: &'s mut Trust,
    pub(super) stamp: Stamp,
    pub(super) statements: &'s Statements,
    pub(super) rows: &'s Rows,
    pub(super) outcome: Outcome,
}

/// What the hub has of some hashes: hash, key and digest of each.
type Known = (Vec<RowHash>, Vec<i32>, Vec<i64>);

/// What became of rows that were sent: position and key, or position and the SQLSTATE.
#[derive(Default)]
struct Copied {
    stored: Vec<(usize, i32)>,
    refused: Vec<(usize, String)>,
    /// Among these one at least was known.
    doubted: Vec<(usize, i32)>,
}

impl Storing<'_> {
    /// Stores all rows. The first of several rows with the same content becomes the row; the last one confirms it and
    /// brings its `meta`.
    pub(super) async fn all(mut self) -> Result<Outcome> {
        let rows = self.rows;
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
        if self.is_trusted().await? {
            self.copy(firsts, true).await?;
        } else {
            let unknown = self.ask(&firsts).await?;
            self.copy(unknown, false).await?;
        }
        if !lasts.is_empty() {
            let unknown = self.ask(&lasts).await?;
            self.copy(unknown, false).await?;
            self.outcome.loaded.seen += between;
        }
        Ok(self.outcome)
    }

    /// Whether rows are copied in without asking. In a hub of an older release the index may be one that keeps no promise.
    async fn is_trusted(&mut self) -> Result<bool> {
        if !self.trust.is_given() {
            return Ok(false);
        }
        if let Some(is_safe) = self.trust.is_safe {
            return Ok(is_safe);
        }
        let table = &self.statements.table;
        let unique = "SELECT EXISTS (SELECT FROM pg_index x WHERE x.indexrelid = to_regclass($1) AND x.indisunique AND x.indisvalid)";
        let is_safe = sqlx::query_scalar(unique)
            .bind(format!("core.{}", identifier(&Index::hash(table).name)))
            .fetch_one(&mut *self.connection)
            .await
            .map_err(|e| Error::sql(format!("looking at the index of {}", table.name), &e))?;
        self.trust.is_safe = Some(is_safe);
        Ok(is_safe)
    }

    /// Copies rows of different content in, under keys in the order of their delivery. They are unknown, or taken for it.
    async fn copy(&mut self, mut unknown: Vec<usize>, trusted: bool) -> Result<()> {
        if unknown.is_empty() {
            return Ok(());
        }
        unknown.sort_unstable();
        let name = &self.statements.table.name;
        let ids: Vec<i32> = sqlx::query_scalar(self.statements.draw)
            .bind(i32::try_from(unknown.len()).unwrap_or(i32::MAX))
            .fetch_one(&mut *self.connection)
            .await
            .map_err(|e| Error::sql(format!("drawing ids for {name}"), &e))?;
        let new: Vec<(usize, i32)> = unknown.into_iter().zip(ids).collect();
        let copied = self.send_all(&new, trusted).await?;
        self.note(copied.stored, copied.refused);
        if trusted {
            self.trust.note(new.len(), copied.doubted.len());
        }
        if copied.doubted.is_empty() {
            return Ok(());
        }
        let rows = self.rows;
        let id_of: HashMap<usize, i32> = copied.doubted.into_iter().collect();
        let mut doubted: Vec<usize> = id_of.keys().copied().collect();
        doubted.sort_unstable_by_key(|&row| rows.hash(row));
        let mut unknown = self.ask(&doubted).await?;
        unknown.sort_unstable();
        let new = unknown
            .into_iter()
            .filter_map(|row| Some((row, *id_of.get(&row)?)));
        let new: Vec<(usize, i32)> = new.collect();
        let copied = self.send_all(&new, false).await?;
        self.note(copied.stored, copied.refused);
        Ok(())
    }

    fn note(&mut self, stored: Vec<(usize, i32)>, refused: Vec<(usize, String)>) {
        let outcome = &mut self.outcome;
        outcome.loaded.new += stored.len() as u64;
        outcome.loaded.quarantined += refused.len() as u64;
        for &(row, id) in &stored {
            outcome.new.push(id);
            if self.statements.keeps_keys() {
                outcome.keys.insert(self.rows.hash(row), id);
            }
        }
        outcome.stored.extend(stored);
        outcome.refused.extend(refused);
    }

    /// Sends rows to the server, by as many connections as there are.
    async fn send_all(&mut self, new: &[(usize, i32)], trusted: bool) -> Result<Copied> {
        let (stamp, statements, rows) = (self.stamp, self.statements, self.rows);
        let Some(spread) = &mut self.spread else {
            let sending = Sending {
                connection: &mut *self.connection,
                piece: &Piece::own(),
                stamp,
                statements,
                rows,
            };
            return sending.all(new, trusted).await;
        };
        let piece = &Piece::of(spread);
        let shares = spread.shares(new).map(|(connection, share)| {
            let sending = Sending {
                connection,
                piece,
                stamp,
                statements,
                rows,
            };
            sending.all(share, trusted)
        });
        let mut all = Copied::default();
        for copied in try_join_all(shares).await? {
            all.stored.extend(copied.stored);
            all.refused.extend(copied.refused);
            all.doubted.extend(copied.doubted);
        }
        Ok(all)
    }

    /// Finds the known rows among these, which are in the order of their hashes; the positions of the others.
    async fn ask(&mut self, positions: &[usize]) -> Result<Vec<usize>> {
        let (rows, statements) = (self.rows, self.statements);
        let mut answers: Vec<(&[usize], Vec<RowHash>, Known)> = Vec::new();
        match &mut self.spread {
            Some(spread) => {
                let shares = spread.shares(positions).map(async |(connection, share)| {
                    let (hashes, known) = known(connection, statements, rows, share).await?;
                    Ok::<_, Error>((share, hashes, known))
                });
                answers.extend(try_join_all(shares).await?);
            }
            None => {
                let (hashes, known) = known(self.connection, statements, rows, positions).await?;
                answers.push((positions, hashes, known));
            }
        }
        let mut unknown = Vec::new();
        let mut differing = Vec::new();
        for (share, hashes, known) in answers {
            self.sort_out(share, &hashes, known, &mut unknown, &mut differing);
        }
        self.trust.note(positions.len(), positions.len() - unknown.len());
        if !differing.is_empty() {
            overwrite(
                self.connection,
                self.stamp,
                statements,
                rows,
                &differing,
                &mut self.outcome,
            )
            .await?;
            if let Some(spread) = &mut self.spread {
                spread.overwritten.extend(differing.iter().map(|(_, id)| *id));
            }
        }
        Ok(unknown)
    }

    /// Tells rows that are known from those that are not, and which of the known ones come with other `meta`.
    fn sort_out(
        &mut self,
        positions: &[usize],
        hashes: &[RowHash],
        (known, ids, digests): Known,
        unknown: &mut Vec<usize>,
        differing: &mut Vec<(usize, i32)>,
    ) {
        let has_meta = self.statements.table.has_meta();
        let overwritten = self.spread.as_ref().map(|spread| &spread.overwritten);
        let mut is_known = vec![false; positions.len()];
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
                if self.statements.keeps_keys() {
                    self.outcome.keys.insert(hash, id);
                }
                // Another connection has the digest as it was before the import.
                let changed = digest != self.rows.digest(row)
                    || overwritten.is_some_and(|overwritten| overwritten.contains(&id));
                if has_meta && changed {
                    differing.push((row, id));
                }
            }
        }
        let before = unknown.len();
        unknown.extend(
            positions
                .iter()
                .zip(&is_known)
                .filter(|(_, known)| !**known)
                .map(|(&row, _)| row),
        );
        self.outcome.loaded.seen += (positions.len() - (unknown.len() - before)) as u64;
        self.outcome.seen.extend_from_slice(&ids);
    }
}

/// Which of these rows the hub has; their hashes with it.
async fn known(
    connection: &mut PgConnection,
    statements: &Statements,
    rows: &Rows,
    positions: &[usize],
) -> Result<(Vec<RowHash>, Known)> {
    let hashes: Vec<RowHash> = positions.iter().map(|&row| rows.hash(row)).collect();
    let known = sqlx::query_as(AssertSqlSafe(statements.known.clone()))
        .bind(&hashes)
        .fetch_one(connection)
        .await
        .map_err(|e| {
            let name = &statements.table.name;
            Error::sql(format!("looking up known rows of {name}"), &e)
        })?;
    Ok((hashes, known))
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

/// Rows on their way by one connection.
struct Sending<'s> {
    connection: &'s mut PgConnection,
    piece: &'s Piece,
    stamp: Stamp,
    statements: &'s Statements,
    rows: &'s Rows,
}

impl Sending<'_> {
    /// Sends rows; where the database refuses one, by halves. Rows that are taken for new are not halved for one that is known.
    async fn all(mut self, new: &[(usize, i32)], trusted: bool) -> Result<Copied> {
        let mut copied = Copied::default();
        let mut pieces = vec![new];
        while let Some(piece) = pieces.pop().filter(|piece| !piece.is_empty()) {
            match self.copy_in(piece).await? {
                None => copied.stored.extend_from_slice(piece),
                Some(state) if trusted && state == UNIQUE => copied.doubted.extend_from_slice(piece),
                Some(state) => match piece {
                    [(row, _)] => copied.refused.push((*row, state)),
                    _ => {
                        // Halve; the first half is tried first.
                        let (left, right) = piece.split_at(piece.len() / 2);
                        pieces.push(right);
                        pieces.push(left);
                    }
                },
            }
        }
        Ok(copied)
    }

    /// Copies rows in, or gives the SQLSTATE with which the database refuses one of them. What is nobody's row's fault is an
    /// error.
    async fn copy_in(&mut self, new: &[(usize, i32)]) -> Result<Option<String>> {
        let name = &self.statements.table.name;
        let failed = |e: &sqlx::Error| Error::sql(format!("copying rows into {name}"), e);
        let piece = self.piece;
        Piece::run(&piece.begin, self.connection)
            .await
            .map_err(|e| failed(&e))?;
        let sent = send(self.connection, self.stamp, self.statements, self.rows, new).await;
        let (then, refused) = match sent {
            Ok(()) => (piece.end, None),
            Err(error) => {
                let refused = Error::refused_row(&error).ok_or_else(|| failed(&error))?;
                (piece.undo, Some(refused))
            }
        };
        Piece::run(then, self.connection).await.map_err(|e| failed(&e))?;
        Ok(refused)
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
