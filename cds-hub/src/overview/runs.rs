use std::collections::HashMap;

use crate::{Error, Hub, Result};

/// What one run of a module left in the hub: its imports, taken together.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModuleRun {
    /// Who made it.
    pub module: String,
    /// Number of the run: that of its first import.
    pub run: i32,
    /// What parts of the hub it filled, or which functions did, in the order of their names.
    pub parts: Vec<String>,
    /// Numbers of its imports.
    pub imports: Vec<i32>,
    /// When its first import began, wall time of the hub's zone to the second.
    pub started: String,
    /// When its last import ended; `None` where one has not.
    pub finished: Option<String>,
    /// How long its imports took, added up.
    pub seconds: f64,
    /// New rows.
    pub new: i64,
    /// Rows seen again.
    pub seen: i64,
}

/// What went wrong with an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// Rows of it that lie in the quarantine now.
    pub refused: i64,
    /// Values of it that could not be typed.
    pub defects: i64,
}

impl Hub {
    /// The newest runs of each module, at most `most` of each: modules by name, the newest run first.
    ///
    /// # Errors
    /// When this is no hub or the server refuses.
    pub async fn recent_runs(&self, most: i64) -> Result<Vec<ModuleRun>> {
        type Row = (
            String,
            i32,
            Vec<String>,
            Vec<i32>,
            String,
            Option<String>,
            f64,
            i64,
            i64,
        );
        let rows: Vec<Row> = sqlx::query_as(
            "WITH runs AS (
               SELECT module, run, max(no) AS newest, array_agg(DISTINCT part ORDER BY part) AS parts,
                 array_agg(no ORDER BY no) AS imports, min(started) AS started,
                 CASE WHEN bool_and(finished IS NOT NULL) THEN max(finished) END AS finished,
                 coalesce(sum(extract(epoch FROM finished - started)), 0)::float8 AS seconds
               FROM core.import GROUP BY module, run),
             placed AS (SELECT r.*, row_number() OVER (PARTITION BY r.module ORDER BY r.newest DESC) AS place FROM runs r)
             SELECT p.module, p.run, p.parts, p.imports, to_char(p.started, 'YYYY-MM-DD HH24:MI:SS'),
               to_char(p.finished, 'YYYY-MM-DD HH24:MI:SS'), p.seconds, c.new, c.seen
             FROM placed p CROSS JOIN LATERAL (
               SELECT coalesce(sum(r.new_count), 0)::int8 AS new, coalesce(sum(r.update_count), 0)::int8 AS seen
               FROM core.import_rows r WHERE r.import_no = ANY (p.imports)) c
             WHERE p.place <= $1 ORDER BY p.module, p.newest DESC",
        )
        .bind(most)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("reading the last runs", &e))?;
        let run = |(module, run, parts, imports, started, finished, seconds, new, seen): Row| ModuleRun {
            module,
            run,
            parts,
            imports,
            started,
            finished,
            seconds,
            new,
            seen,
        };
        Ok(rows.into_iter().map(run).collect())
    }

    /// What went wrong with imports, by their numbers; those with nothing are left out.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn import_faults(&self, imports: &[i32]) -> Result<HashMap<i32, Faults>> {
        let rows: Vec<(i32, i64, i64)> = sqlx::query_as(
            "SELECT import_no, sum(refused)::int8, sum(defects)::int8 FROM (
               SELECT import_no, count(*) AS refused, 0 AS defects FROM core.quarantine
               WHERE import_no = ANY ($1) GROUP BY import_no
               UNION ALL
               SELECT import_no, 0, count(*) FROM core.defect WHERE import_no = ANY ($1) GROUP BY import_no) f
             GROUP BY import_no",
        )
        .bind(imports)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("counting what went wrong with imports", &e))?;
        let faults = |(import, refused, defects)| (import, Faults { refused, defects });
        Ok(rows.into_iter().map(faults).collect())
    }
}
