use std::collections::HashMap;

use crate::schema::Model;
use crate::{Error, Hub, Result};

/// How many rows a table has and how that changed, counted by its imports: the table itself is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Growth {
    /// Contract name.
    pub table: String,
    /// Rows it has, all versions.
    pub rows: i64,
    /// Rows more than a day (24 hours) ago; negative where more were removed than came.
    pub day: i64,
    /// Rows more than 7 days ago.
    pub week: i64,
    /// Rows more than 30 days ago.
    pub month: i64,
    /// When rows came or were removed last, wall time of the hub's zone; `None` where none ever did.
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
            "SELECT c.table_name, sum(c.rows)::int8,
               coalesce(sum(c.rows) FILTER (WHERE i.finished > now() - interval '24 hours'), 0)::int8,
               coalesce(sum(c.rows) FILTER (WHERE i.finished > now() - interval '7 days'), 0)::int8,
               coalesce(sum(c.rows) FILTER (WHERE i.finished > now() - interval '30 days'), 0)::int8,
               to_char(max(i.finished) FILTER (WHERE c.rows <> 0), 'YYYY-MM-DD HH24:MI:SS'),
               to_char(max(i.finished) FILTER (WHERE c.rows >= 0), 'YYYY-MM-DD HH24:MI:SS')
             FROM (
               SELECT table_name, import_no, new_count::int8 AS rows FROM core.import_rows
               UNION ALL
               SELECT table_name, import_no, -count(*) FROM core.removed GROUP BY table_name, import_no) c
             JOIN core.import i ON i.no = c.import_no WHERE i.finished IS NOT NULL GROUP BY c.table_name",
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
        let mut known: HashMap<String, Growth> =
            rows.into_iter().map(growth).map(|g| (g.table.clone(), g)).collect();
        let of = |name: &String| {
            known.remove(name).unwrap_or_else(|| Growth {
                table: name.clone(),
                ..Growth::default()
            })
        };
        Ok(model.tables().iter().map(|t| &t.name).map(of).collect())
    }
}
