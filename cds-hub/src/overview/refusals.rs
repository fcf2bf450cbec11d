use sqlx::AssertSqlSafe;

use crate::schema::identifier::literal;
use crate::schema::{Kind, Model, identifier};
use crate::{Error, Hub, Result};

/// Most lines of each list.
const MOST: i64 = 500;

/// Rows of one table that lie in the quarantine for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusals {
    /// Contract name of the table they are for.
    pub table: String,
    /// What the server said, as SQLSTATE.
    pub sqlstate: String,
    /// What the server said, without values.
    pub reason: String,
    /// How many rows.
    pub rows: i64,
    /// How many of them are due for another attempt.
    pub due: i64,
    /// How often the one that was tried most was tried.
    pub attempts: i32,
    /// When the oldest was refused first, wall time of the hub's zone.
    pub first_seen: String,
    /// When a transfer tries the next of them again.
    pub next_try: String,
}

/// Values of one column that could not be typed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defects {
    /// Contract name of the typed table.
    pub table: String,
    /// The column whose cells are empty.
    pub column: String,
    /// What is wrong, such as `not_a_number`.
    pub kind: String,
    /// How many values.
    pub values: i64,
    /// How many raw rows they stand in.
    pub rows: i64,
}

/// Raw rows of one table that wait to be typed: held back by a test, or of a run that did not get that far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// Contract name of the raw table.
    pub table: String,
    /// How many raw rows.
    pub rows: i64,
}

impl Hub {
    /// The rows in the quarantine by table and reason, the most first; at most 500 lines.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn refusals(&self) -> Result<Vec<Refusals>> {
        type Row = (String, String, String, i64, i64, i32, String, String);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT table_name, sqlstate, reason, count(*), count(*) FILTER (WHERE next_try <= now()), max(attempts),
               to_char(min(first_seen), 'YYYY-MM-DD HH24:MI:SS'), to_char(min(next_try), 'YYYY-MM-DD HH24:MI:SS')
             FROM core.quarantine GROUP BY table_name, sqlstate, reason
             ORDER BY count(*) DESC, table_name, sqlstate, reason LIMIT $1",
        )
        .bind(MOST)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("counting the quarantine by reason", &e))?;
        let refusals = |(table, sqlstate, reason, rows, due, attempts, first_seen, next_try): Row| Refusals {
            table,
            sqlstate,
            reason,
            rows,
            due,
            attempts,
            first_seen,
            next_try,
        };
        Ok(rows.into_iter().map(refusals).collect())
    }

    /// The values that could not be typed by table, column and kind, the most first; at most 500 lines.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn defects_by_kind(&self) -> Result<Vec<Defects>> {
        let rows: Vec<(String, String, String, i64, i64)> = sqlx::query_as(
            "SELECT table_name, column_name, kind, count(*), count(DISTINCT raw_id) FROM core.defect
             GROUP BY table_name, column_name, kind ORDER BY count(*) DESC, table_name, column_name, kind LIMIT $1",
        )
        .bind(MOST)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("counting the defects by kind", &e))?;
        let defects = |(table, column, kind, values, rows)| Defects {
            table,
            column,
            kind,
            values,
            rows,
        };
        Ok(rows.into_iter().map(defects).collect())
    }

    /// The raw tables with rows that wait to be typed, in the order of the model; [`Hub::waiting`] says of which runs.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn waits(&self, model: &Model) -> Result<Vec<Waits>> {
        let each: Vec<String> = model
            .of(Kind::Raw)
            .enumerate()
            .map(|(place, table)| {
                let open = format!("{}_open", table.name);
                format!(
                    "SELECT {place} AS place, {} AS name, count(DISTINCT id) AS rows FROM core.{}",
                    literal(&table.name),
                    identifier(&open)
                )
            })
            .collect();
        if each.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT name, rows FROM ({}) o WHERE rows > 0 ORDER BY place",
            each.join(" UNION ALL ")
        );
        let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql("counting the rows that wait to be typed", &e))?;
        Ok(rows
            .into_iter()
            .map(|(table, rows)| Waits { table, rows })
            .collect())
    }

    /// Searches that were not answered in full and are asked again, by watermark, with how many.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn unanswered_searches(&self) -> Result<Vec<(String, i64)>> {
        sqlx::query_as(UNANSWERED)
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql("counting the searches that are asked again", &e))
    }
}

/// Searches that were not answered in full, by watermark.
pub(crate) const UNANSWERED: &str = "SELECT u.watermark, count(*) FROM core.unanswered u \
     LEFT JOIN core.watermark w ON w.resource = u.watermark AND w.patient_id = u.id \
     LEFT JOIN core.census c ON c.name = u.watermark AND c.patient_id = u.id \
     WHERE coalesce(greatest(w.loaded_until, c.counted_until) < u.tried_until, true) \
     GROUP BY u.watermark ORDER BY u.watermark";
