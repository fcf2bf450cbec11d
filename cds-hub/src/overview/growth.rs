use std::collections::HashMap;

use crate::schema::Model;
use crate::{Error, Hub, Result};

/// How many rows a table has and how that changed, counted by its imports: the table itself is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Growth {
    /// Contract name.
    pub table: String,
    /// Rows it has, all versions, without those that were removed by hand.
    pub rows: i64,
    /// Rows that came within the last 24 hours; when rows were removed is not kept, so they are among these too.
    pub day: i64,
    /// Rows that came within the last 7 days.
    pub week: i64,
    /// Rows that came within the last 30 days.
    pub month: i64,
    /// When rows came last, wall time of the hub's zone; `None` where none ever did.
    pub changed: Option<String>,
    /// When rows of it came or were confirmed last.
    pub confirmed: Option<String>,
}

impl Hub {
    /// How the tables grow, in the order of the model.
    ///
    /// # Errors
    /// When this is no hub or the server refuses.
    pub async fn growth(&self, model: &Model) -> Result<Vec<Growth>> {
        type Row = (String, i64, i64, i64, i64, Option<String>, Option<String>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT c.table_name,
               c.rows - (SELECT count(*) FROM core.removed d WHERE d.table_name = c.table_name),
               c.day, c.week, c.month, c.changed, c.confirmed
             FROM (
               SELECT r.table_name, sum(r.new_count)::int8 AS rows,
                 coalesce(sum(r.new_count) FILTER (WHERE i.finished > now() - interval '24 hours'), 0)::int8 AS day,
                 coalesce(sum(r.new_count) FILTER (WHERE i.finished > now() - interval '7 days'), 0)::int8 AS week,
                 coalesce(sum(r.new_count) FILTER (WHERE i.finished > now() - interval '30 days'), 0)::int8 AS month,
                 to_char(max(i.finished) FILTER (WHERE r.new_count > 0), 'YYYY-MM-DD HH24:MI:SS') AS changed,
                 to_char(max(i.finished), 'YYYY-MM-DD HH24:MI:SS') AS confirmed
               FROM core.import_rows r JOIN core.import i ON i.no = r.import_no
               WHERE i.finished IS NOT NULL GROUP BY r.table_name) c",
        )
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("reading how the tables grow", &e))?;
        let growth = |(table, rows, day, week, month, changed, confirmed): Row| Growth {
            table,
            rows,
            day,
            week,
            month,
            changed,
            confirmed,
        };
        let mut known: HashMap<String, Growth> = rows
            .into_iter()
            .map(growth)
            .map(|g| (g.table.clone(), g))
            .collect();
        let of = |name: &String| {
            known.remove(name).unwrap_or_else(|| Growth {
                table: name.clone(),
                ..Growth::default()
            })
        };
        Ok(model.tables().iter().map(|t| &t.name).map(of).collect())
    }
}
