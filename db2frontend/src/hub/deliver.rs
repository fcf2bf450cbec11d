use cds_hub::Hub;
use cds_hub::semaphore::Lock;
use sqlx::{AssertSqlSafe, PgConnection};
use table_description::{TableDescription, quote_identifier};

use super::failed;
use crate::{Error, ErrorKind, Result};

const TRANSFER: &str = "SELECT db.copy_fe_fe_in_to_db_log()";

/// How many rows of a table the hub had already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Name of the table.
    pub table: String,
    /// Rows whose content was new.
    pub new: usize,
    /// Rows that were there and only confirmed.
    pub seen: usize,
}

/// Rows of one table, written as the server's COPY wants them.
#[derive(Clone, Default)]
pub struct Copy {
    text: String,
    rows: usize,
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Copy {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row; empty texts become NULL. Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format".
    pub fn push<'c>(&mut self, cells: impl IntoIterator<Item = Option<&'c str>>) {
        for (cell, position) in cells.into_iter().zip(0..) {
            if position > 0 {
                self.text.push('\t');
            }
            match cell.filter(|cell| !cell.is_empty()) {
                None => self.text.push_str("\\N"),
                Some(cell) => {
                    for c in cell.chars() {
                        match c {
                            '\\' => self.text.push_str("\\\\"),
                            '\n' => self.text.push_str("\\n"),
                            '\r' => self.text.push_str("\\r"),
                            '\t' => self.text.push_str("\\t"),
                            '\0' => {}
                            c => self.text.push(c),
                        }
                    }
                }
            }
        }
        self.text.push('\n');
        self.rows += 1;
    }
}

/// Puts the rows into their inboxes and moves them to the core, all or nothing.
///
/// # Errors
/// When the lock was lost, or the hub refuses.
pub async fn deliver(hub: &Hub, lock: &Lock, tables: &[(&TableDescription, Copy)]) -> Result<Vec<Delivered>> {
    let mut transaction = hub
        .pool()
        .begin()
        .await
        .map_err(|e| failed("starting to write", &e))?;
    for (table, rows) in tables.iter().filter(|(_, rows)| rows.rows > 0) {
        fill(&mut transaction, table, rows).await?;
    }
    lock.check()?;
    let number = transfer(&mut transaction).await?;
    let mut delivered = Vec::new();
    for (table, rows) in tables {
        let new = new_rows(&mut transaction, &table.name, number).await?;
        delivered.push(Delivered {
            table: table.name.clone(),
            new,
            seen: rows.rows.saturating_sub(new),
        });
    }
    lock.check()?;
    transaction
        .commit()
        .await
        .map_err(|e| failed("ending to write", &e))?;
    Ok(delivered)
}

async fn fill(connection: &mut PgConnection, table: &TableDescription, rows: &Copy) -> Result<()> {
    let place = format!("writing {}", table.name);
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| quote_identifier(&column.name))
        .collect();
    let sql = format!(
        "COPY db2frontend_in.{} ({}) FROM STDIN",
        quote_identifier(&table.name),
        columns.join(", ")
    );
    let mut copy = connection
        .copy_in_raw(&sql)
        .await
        .map_err(|e| failed(&place, &e))?;
    copy.send(rows.text.as_bytes())
        .await
        .map_err(|e| failed(&place, &e))?;
    copy.finish().await.map_err(|e| failed(&place, &e))?;
    Ok(())
}

/// Moves the inboxes to the core; the number of the transfer, if there was anything to move.
async fn transfer(connection: &mut PgConnection) -> Result<Option<i64>> {
    let said: Option<String> = sqlx::query_scalar(TRANSFER)
        .fetch_one(connection)
        .await
        .map_err(|e| failed("transferring", &e))?;
    let Some(said) = said else { return Ok(None) };
    if said.starts_with("Fehler") {
        let place = "the transfer failed; see db_config.v_db_error_log";
        return Err(Error::new(ErrorKind::Hub, place));
    }
    Ok(said
        .rsplit("last_pro_nr:")
        .next()
        .and_then(|number| number.trim().parse().ok()))
}

/// How many rows of a table this transfer brought.
async fn new_rows(connection: &mut PgConnection, table: &str, number: Option<i64>) -> Result<usize> {
    let sql = "SELECT coalesce(sum(dataset_count), 0)::bigint FROM db.data_import_hist \
        WHERE last_processing_nr = $1 AND table_name = $2 AND variable_name = 'data_count_new'";
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .bind(number)
        .bind(table)
        .fetch_one(connection)
        .await
        .map_err(|e| failed("counting new rows", &e))?;
    Ok(usize::try_from(count).unwrap_or_default())
}
