use std::collections::HashMap;

use cds_hub::Hub;
use sqlx::{AssertSqlSafe, Row as _};
use table_description::{FhirType, TableDescription, quote_identifier};

use super::failed;
use crate::Result;

/// One version of a row of a form, as the hub keeps it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// Order of arrival among equals.
    pub id: i64,
    /// Number of the transfer that brought it.
    pub first: i64,
    /// Number of the newest transfer that confirmed it.
    pub last: i64,
    /// Hash of its content.
    pub hash: String,
    /// The value of each column of the table, in its order.
    pub cells: Vec<Option<String>>,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version")
            .field("id", &self.id)
            .field("first", &self.first)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl Version {
    /// A cell; empty where there is none.
    #[must_use]
    pub fn cell(&self, column: usize) -> &str {
        self.cells
            .get(column)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }
}

/// Which versions stood, and by which transfer, just before the frontend was read last: number of the transfer by the content's
/// hash.
pub type Before = HashMap<String, i64>;

/// Ids of the records that have a row in this table.
///
/// # Errors
/// When the hub cannot be read.
pub async fn known_records(hub: &Hub, table: &TableDescription) -> Result<Vec<String>> {
    let view = quote_identifier(&format!("v_{}", table.name));
    let sql = format!(
        "SELECT DISTINCT record_id::text FROM db2frontend_out.{view} WHERE record_id IS NOT NULL ORDER BY 1"
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(hub.pool())
        .await
        .map_err(|e| failed(&format!("reading the records of {}", table.name), &e))
}

/// All versions of the rows of these records, the oldest first.
///
/// # Errors
/// When the hub cannot be read.
pub async fn versions(hub: &Hub, table: &TableDescription, records: &[&str]) -> Result<Vec<Version>> {
    let view = quote_identifier(&format!("v_{}", table.name));
    let id = quote_identifier(&table.id_column());
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{}::text", quote_identifier(&column.name)))
        .collect();
    let sql = format!(
        "SELECT coalesce({id}, 0)::bigint, coalesce(input_processing_nr, 0)::bigint, coalesce(last_processing_nr, 0)::bigint, \
         coalesce(hash_index_col, ''), {} FROM db2frontend_out.{view} WHERE record_id = ANY($1) ORDER BY last_processing_nr, input_datetime, {id}",
        columns.join(", ")
    );
    let place = format!("reading {}", table.name);
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(records)
        .fetch_all(hub.pool())
        .await
        .map_err(|e| failed(&place, &e))?;
    rows.iter()
        .map(|row| {
            let mut cells = Vec::with_capacity(table.columns.len());
            for (column, at) in table.columns.iter().zip(4..) {
                let cell: Option<String> = row.try_get(at).map_err(|e| failed(&place, &e))?;
                cells.push(
                    cell.filter(|text| !text.is_empty())
                        .map(|text| plain(column.fhir_type, text)),
                );
            }
            let number = |at: usize| row.try_get(at).map_err(|e| failed(&place, &e));
            Ok(Version {
                id: number(0)?,
                first: number(1)?,
                last: number(2)?,
                hash: row.try_get(3).map_err(|e| failed(&place, &e))?,
                cells,
            })
        })
        .collect()
}

/// Decimals without an exponent, as everywhere here.
fn plain(value_type: FhirType, text: String) -> String {
    match value_type {
        FhirType::Decimal => crate::value::plain_decimal(&text).unwrap_or(text),
        _ => text,
    }
}

/// When the frontend was read last, by the server's clock and in its own spelling; `None` where it never was.
///
/// # Errors
/// When the hub cannot be read.
pub async fn last_read(hub: &Hub) -> Result<Option<String>> {
    // The transfer's begin: what had ended by then was there, and the transfer itself had not ended.
    const SQL: &str = "SELECT to_char(max(last_check_datetime)::timestamptz, 'YYYY-MM-DD HH24:MI:SS.US OF') \
        FROM db.data_import_hist WHERE function_name = 'copy_fe_fe_in_to_db_log'";
    sqlx::query_scalar(SQL)
        .fetch_one(hub.pool())
        .await
        .map_err(|e| failed("looking for the last import", &e))
}

/// The versions of a table that stood at a moment of [`last_read`].
///
/// # Errors
/// When the hub cannot be read.
pub async fn before(hub: &Hub, table: &TableDescription, moment: &str) -> Result<Before> {
    let function = quote_identifier(&format!("{}_as_of", table.name));
    let sql = format!(
        "SELECT hash_index_col, last_processing_nr::bigint FROM db.{function}($1::text::timestamptz)"
    );
    let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(moment)
        .fetch_all(hub.pool())
        .await
        .map_err(|e| failed(&format!("reading {} as it was", table.name), &e))?;
    Ok(rows.into_iter().collect())
}
