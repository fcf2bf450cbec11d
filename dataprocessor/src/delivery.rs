use std::collections::HashSet;

use cds_hub::Hub;
use cds_hub::lineage::Lineage;
use cds_hub::semaphore::Lock;
use jiff::civil::DateTime;
use polars::prelude::*;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::copy_text::encode;
use crate::output::Output;
use crate::sql_table::{self, SqlTable};
use crate::view::failed;
use crate::{Error, ErrorKind, Result};

const INBOX: &str = "db2dataprocessor_in";
const TRANSFER: &str = "SELECT db.copy_fe_dp_in_to_db_log()";

/// How many rows of an output table the hub had already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Name of the table.
    pub table: String,
    /// Rows whose content was new.
    pub new: usize,
    /// Rows that were there and only confirmed.
    pub seen: usize,
}

/// Puts the outputs into their inboxes, moves them to the core and notes where each row came from, all or nothing.
///
/// A table declared as SQL that cannot be made is left out, with its error, and the others are written.
/// Content that the core has is confirmed there and not written again. Rows that an earlier writer left in the
/// inboxes were moved when the lock was taken.
pub(crate) async fn deliver(
    hub: &Hub,
    lock: &Lock,
    outputs: &[Output],
    declared: &[SqlTable],
    now: DateTime,
) -> Result<(Vec<Delivered>, Vec<Error>)> {
    let mut transaction = hub
        .pool()
        .begin()
        .await
        .map_err(|e| failed("starting to write", &e))?;
    let mut hashes = Vec::new();
    for output in outputs {
        hashes.push(fill_inbox(&mut transaction, output).await?);
    }
    lock.check()?;
    let number = transfer(&mut transaction, TRANSFER).await?;
    let mut delivered = Vec::new();
    for (output, hashes) in outputs.iter().zip(hashes) {
        note_lineage(&mut transaction, output, &hashes).await?;
        let new = new_rows(&mut transaction, &output.table, number).await?;
        delivered.push(Delivered {
            table: output.table.clone(),
            new,
            seen: output.rows.height().saturating_sub(new),
        });
    }
    let mut left_out = Vec::new();
    for table in declared {
        let undone = |e: &sqlx::Error| failed("leaving a table out", e);
        let mut apart = transaction.begin().await.map_err(|e| undone(&e))?;
        match declared_table(&mut apart, table, now).await {
            Ok(one) => {
                apart.commit().await.map_err(|e| undone(&e))?;
                delivered.push(one);
            }
            // What is wrong with one table of a site keeps no other from being written.
            Err(error) => {
                apart.rollback().await.map_err(|e| undone(&e))?;
                left_out.push(error);
            }
        }
    }
    lock.check()?;
    transaction
        .commit()
        .await
        .map_err(|e| failed("ending to write", &e))?;
    Ok((delivered, left_out))
}

async fn declared_table(connection: &mut PgConnection, table: &SqlTable, now: DateTime) -> Result<Delivered> {
    let (rows, number) = sql_table::fill(connection, table, now).await?;
    let new = new_rows(connection, table.name(), number).await?;
    Ok(Delivered {
        table: table.name().to_owned(),
        new,
        seen: rows.saturating_sub(new),
    })
}

/// Copies the rows and returns the hash the server gave each, in order of the rows.
async fn fill_inbox(connection: &mut PgConnection, output: &Output) -> Result<Vec<String>> {
    let (table, place) = (output.table.as_str(), format!("writing {}", output.table));
    let (rows, ids) = with_ids(connection, output).await?;
    let columns: Vec<&str> = rows
        .get_column_names()
        .into_iter()
        .map(PlSmallStr::as_str)
        .collect();
    let sql = format!("COPY {INBOX}.{table} ({}) FROM STDIN", columns.join(", "));
    let mut copy = connection
        .copy_in_raw(&sql)
        .await
        .map_err(|e| failed(&place, &e))?;
    copy.send(encode(&rows)?.into_bytes())
        .await
        .map_err(|e| failed(&place, &e))?;
    copy.finish().await.map_err(|e| failed(&place, &e))?;
    let sql = format!(
        "SELECT coalesce(i.hash_index_col, '') FROM unnest($1::int[]) WITH ORDINALITY AS given(id, position) \
         LEFT JOIN {INBOX}.{table} i ON i.{table}_id = given.id ORDER BY given.position"
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(&ids)
        .fetch_all(connection)
        .await
        .map_err(|e| failed(&place, &e))
}

/// The rows with an id each: the inbox takes an id once, so one given twice or not at all is drawn from the sequence.
async fn with_ids(connection: &mut PgConnection, output: &Output) -> Result<(DataFrame, Vec<i32>)> {
    let name = format!("{}_id", output.table);
    let wrong = |e: &PolarsError| Error::frame(&output.table, e);
    let mut used = HashSet::new();
    let given: Vec<Option<i32>> = match output.rows.column(&name) {
        Ok(ids) => ids
            .i32()
            .map_err(|e| wrong(&e))?
            .iter()
            .map(|id| id.filter(|id| used.insert(*id)))
            .collect(),
        Err(_) => vec![None; output.rows.height()],
    };
    let missing = given.iter().filter(|id| id.is_none()).count();
    let drawn: Vec<i32> = sqlx::query_scalar("SELECT nextval('db.db_seq')::int FROM generate_series(1, $1)")
        .bind(i32::try_from(missing).unwrap_or(i32::MAX))
        .fetch_all(connection)
        .await
        .map_err(|e| failed("drawing ids", &e))?;
    let mut drawn = drawn.into_iter();
    let ids: Vec<i32> = given
        .into_iter()
        .filter_map(|id| id.or_else(|| drawn.next()))
        .collect();
    let mut rows = output.rows.clone();
    rows.with_column(Series::new(name.as_str().into(), &ids).into_column())
        .map_err(|e| wrong(&e))?;
    Ok((rows, ids))
}

/// Moves the inboxes to the core; the processing number, if there was anything to move.
pub(crate) async fn transfer(connection: &mut PgConnection, statement: &'static str) -> Result<Option<i32>> {
    let said: Option<String> = sqlx::query_scalar(statement)
        .fetch_one(connection)
        .await
        .map_err(|e| failed("transferring", &e))?;
    let Some(said) = said else { return Ok(None) };
    if said.starts_with("Fehler") {
        return Err(Error::new(
            ErrorKind::Hub,
            "the transfer failed; see db_config.v_db_error_log",
        ));
    }
    Ok(said
        .rsplit("last_pro_nr:")
        .next()
        .and_then(|n| n.trim().parse().ok()))
}

/// How many rows of a table the transfer of this number brought.
async fn new_rows(connection: &mut PgConnection, table: &str, number: Option<i32>) -> Result<usize> {
    const COUNT: &str = "SELECT coalesce(sum(r.new_count), 0)::bigint FROM core.import_rows r \
        JOIN core.import i ON i.no = r.import_no WHERE i.input_nr = $1 AND r.table_name = $2";
    let count: i64 = sqlx::query_scalar(COUNT)
        .bind(number)
        .bind(table)
        .fetch_one(connection)
        .await
        .map_err(|e| failed("counting new rows", &e))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Adds the sources of each row to those known; the row is found by its content, because its id may repeat.
async fn note_lineage(connection: &mut PgConnection, output: &Output, hashes: &[String]) -> Result<()> {
    let wrong = |e: &PolarsError| Error::frame("sources", e);
    let rows = output
        .lineage
        .column("row")
        .and_then(|c| c.cast(&DataType::Int64))
        .map_err(|e| wrong(&e))?;
    let tables = output.lineage.column("source_table").map_err(|e| wrong(&e))?;
    let ids = output.lineage.column("source_id").map_err(|e| wrong(&e))?;
    let hash_of = |row: i64| {
        usize::try_from(row)
            .ok()
            .and_then(|row| hashes.get(row))
            .map(String::as_str)
    };
    let row_hashes: Vec<Option<&str>> = rows
        .i64()
        .map_err(|e| wrong(&e))?
        .iter()
        .map(|row| row.and_then(hash_of))
        .collect();
    let tables: Vec<Option<&str>> = tables.str().map_err(|e| wrong(&e))?.iter().collect();
    let ids: Vec<Option<i32>> = ids.i32().map_err(|e| wrong(&e))?.iter().collect();
    let lineage = Lineage {
        table: &output.table,
        hashes: &row_hashes,
        source_tables: &tables,
        source_ids: &ids,
    };
    Ok(Hub::note_lineage(connection, lineage).await?)
}
