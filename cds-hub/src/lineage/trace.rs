use std::sync::Arc;

use sqlx::{AssertSqlSafe, Row};

use super::origin::Origin;
use crate::schema::identifier::literal;
use crate::schema::{Kind, Model, StoredTable, identifier, seen};
use crate::transfer::Names;
use crate::{Error, ErrorKind, Hub, Result};

/// Rows named at most; a result made from more is too wide to be read.
const MOST: usize = 10_000;

/// A row that is still to be named.
struct Waiting {
    depth: usize,
    table: String,
    key: i32,
    /// Value that is looked for in sources, as JSON writes it.
    value: Option<Arc<str>>,
    /// Columns in which the row this one is a source of holds the value.
    above: Vec<String>,
}

impl Hub {
    /// The rows a row was made from, depth first: from a `_fe` row to typed rows, from a typed row to all raw versions
    /// that share it. `id` is the contract's; where it repeats, all rows with it are walked, the newest first.
    ///
    /// With a `cell`, a column of the table, [`Origin::holds`] says in which columns of each source its value stands.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such table, row or column; when the server refuses.
    pub async fn trace(
        &self,
        model: &Model,
        table: &str,
        id: i32,
        cell: Option<&str>,
    ) -> Result<Vec<Origin>> {
        let start = model
            .table(table)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table {table}")))?;
        if let Some(cell) = cell.filter(|cell| !start.columns.iter().any(|c| c.name == *cell)) {
            let text = format!("no column {cell} in {table}");
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let keys = self.keys(start, id).await?;
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("no row {id} in {table}")));
        }
        let mut origins = Vec::new();
        // The next row to name is the last one.
        let mut waiting: Vec<Waiting> = Vec::new();
        for key in keys {
            let value = match cell {
                Some(cell) => self.value(start, key, cell).await?.map(Arc::from),
                None => None,
            };
            waiting.push(Waiting {
                depth: 0,
                table: table.to_owned(),
                key,
                value,
                above: Vec::new(),
            });
        }
        while let Some(next) = waiting.pop() {
            if origins.len() == MOST {
                break;
            }
            let Some(stored) = model.table(&next.table) else {
                continue;
            };
            let Some(mut origin) = self.origin(stored, &next).await? else {
                continue;
            };
            origin.holds = match (next.depth, stored.kind) {
                (0, _) => cell.map(str::to_owned).into_iter().collect(),
                // A raw column has its typed column's name.
                (_, Kind::Raw) => next.above,
                _ => self.holds(stored, &next).await?,
            };
            let mut sources = self.sources(stored, next.key).await?;
            sources.reverse();
            waiting.extend(sources.into_iter().map(|(table, key)| Waiting {
                depth: next.depth + 1,
                table,
                key,
                value: next.value.clone(),
                above: origin.holds.clone(),
            }));
            origin.value = next
                .value
                .filter(|_| next.depth == 0)
                .map(|value| value.to_string());
            origins.push(origin);
        }
        Ok(origins)
    }

    /// The cells of a row that are not empty, in the order of the columns, for people: of each the first 4,000 characters.
    /// Patient data.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such table; when the server refuses.
    pub async fn cells(&self, model: &Model, origin: &Origin) -> Result<Vec<(String, String)>> {
        let table = model
            .table(&origin.table)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table {}", origin.table)))?;
        let names = Names::of(table);
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let sql = format!(
            "SELECT e.key, left(e.value, 4000) FROM {core} t, jsonb_each_text(to_jsonb(t)) e
             WHERE t.{key} = $1 AND e.key = ANY ($2) AND e.value IS NOT NULL ORDER BY array_position($2, e.key)",
            core = names.core,
            key = names.key
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(origin.key)
            .bind(columns)
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql(format!("reading a row of {}", table.name), &e))
    }

    /// Keys of the rows with an id, the newest last.
    async fn keys(&self, table: &StoredTable, id: i32) -> Result<Vec<i32>> {
        let names = Names::of(table);
        let rows = crate::schema::version_order::rows(table);
        sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT t.{key} FROM {rows} t WHERE t.{id} = $1 ORDER BY t.last_processing_nr NULLS FIRST, 1",
            key = names.key,
            id = names.id
        )))
        .bind(id)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql(format!("looking for a row of {}", table.name), &e))
    }

    /// The value of a cell as JSON writes it.
    async fn value(&self, table: &StoredTable, key: i32, column: &str) -> Result<Option<String>> {
        let names = Names::of(table);
        let sql = format!(
            "SELECT to_jsonb(t.{}) #>> '{{}}' FROM {} t WHERE t.{} = $1",
            identifier(column),
            names.core,
            names.key
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(key)
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql(format!("reading a cell of {}", table.name), &e))
    }

    /// The columns of a source in which the value stands, alone or as one of its lines.
    async fn holds(&self, table: &StoredTable, next: &Waiting) -> Result<Vec<String>> {
        let Some(value) = &next.value else {
            return Ok(Vec::new());
        };
        let names = Names::of(table);
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let sql = format!(
            "SELECT e.key FROM {core} t, jsonb_each_text(to_jsonb(t)) e
             WHERE t.{key} = $1 AND e.key = ANY ($2) AND (e.value = $3 OR e.value = ANY (string_to_array($3, E'\\n')))
             ORDER BY array_position($2, e.key)",
            core = names.core,
            key = names.key
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(next.key)
            .bind(columns)
            .bind(&**value)
            .fetch_all(self.pool())
            .await
            .map_err(|e| Error::sql(format!("comparing a cell with {}", table.name), &e))
    }

    async fn origin(&self, table: &StoredTable, next: &Waiting) -> Result<Option<Origin>> {
        let key = next.key;
        let names = Names::of(table);
        let fhir = matches!(table.kind, Kind::Raw | Kind::Typed);
        let bare = |path: &str| match table.description.position_of_path(path).filter(|_| fhir) {
            // A raw cell without its index.
            Some(at) => format!(
                r"regexp_replace(t.{}::text, '^\[[0-9.]+\]', '')",
                identifier(&table.columns[at].name)
            ),
            None => "NULL::text".to_owned(),
        };
        let row_key = format!("t.{}", names.key);
        let sql = format!(
            "SELECT {fhir_id}, {version}, a.input_nr, l.last_nr, t.{id},
               to_char(t.input_datetime, 'YYYY-MM-DD HH24:MI:SS'), to_char(l.checked, 'YYYY-MM-DD HH24:MI:SS'),
               coalesce({current}, false)
             FROM {core} t LEFT JOIN {seen} s ON {on}
             LEFT JOIN core.import a ON a.no = t.import_no
             LEFT JOIN core.import l ON l.no = coalesce({confirmed}, t.import_no)
             WHERE t.{key} = $1",
            fhir_id = bare("id"),
            version = bare("meta/versionId"),
            id = names.id,
            current = current(table),
            core = names.core,
            seen = names.seen,
            on = seen::on("s", &row_key),
            confirmed = seen::import_no("s", &row_key),
            key = names.key,
        );
        let failed = |e: &sqlx::Error| Error::sql(format!("tracing a row of {}", table.name), e);
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(key)
            .fetch_optional(self.pool())
            .await
            .map_err(|e| failed(&e))?;
        let Some(row) = row else { return Ok(None) };
        let id: Option<String> = row.try_get(0).map_err(|e| failed(&e))?;
        let resource = table.description.resource.as_deref();
        Ok(Some(Origin {
            depth: next.depth,
            table: table.name.clone(),
            key,
            id: row.try_get(4).map_err(|e| failed(&e))?,
            resource: id.zip(resource).map(|(id, resource)| format!("{resource}/{id}")),
            version: row.try_get(1).map_err(|e| failed(&e))?,
            input_processing_nr: row.try_get(2).map_err(|e| failed(&e))?,
            last_processing_nr: row.try_get(3).map_err(|e| failed(&e))?,
            since: row.try_get(5).map_err(|e| failed(&e))?,
            confirmed: row.try_get(6).map_err(|e| failed(&e))?,
            is_current: row.try_get(7).map_err(|e| failed(&e))?,
            value: None,
            holds: Vec::new(),
        }))
    }

    /// Table and key of the rows this one was made from directly.
    async fn sources(&self, table: &StoredTable, key: i32) -> Result<Vec<(String, i32)>> {
        let failed =
            |e: &sqlx::Error| Error::sql(format!("looking for the sources of a row of {}", table.name), e);
        let names = Names::of(table);
        let Some(raw) = &names.raw else {
            if table.kind == Kind::Raw {
                return Ok(Vec::new());
            }
            // Raw rows are reached through their typed rows where those are named too.
            return sqlx::query_as(
                "SELECT l.source_table, l.source_id FROM core.lineage l
                 WHERE l.table_name = $1 AND l.row_id = $2
                   AND NOT EXISTS (SELECT FROM core.lineage t WHERE t.table_name = $1 AND t.row_id = $2
                                   AND l.source_table = t.source_table || '_raw')
                 ORDER BY 1, 2",
            )
            .bind(&table.name)
            .bind(key)
            .fetch_all(self.pool())
            .await
            .map_err(|e| failed(&e));
        };
        let sql = format!(
            "SELECT t.{raw_id} FROM {core} t WHERE t.{key} = $1
             UNION SELECT l.raw_id FROM {link} l WHERE l.typed_id = $1 ORDER BY 1",
            raw_id = raw.id,
            core = names.core,
            key = names.key,
            link = raw.link,
        );
        let ids: Vec<i32> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(key)
            .fetch_all(self.pool())
            .await
            .map_err(|e| failed(&e))?;
        Ok(ids
            .into_iter()
            .map(|id| (format!("{}_raw", table.base()), id))
            .collect())
    }
}

/// SQL that tells whether row `t`, last confirmed by import `l`, is what readers see now: the newest version of its
/// resource, or part of the newest delivery of its table.
fn current(table: &StoredTable) -> String {
    if table.fhir_id_column().is_some() && matches!(table.kind, Kind::Raw | Kind::Typed) {
        let view = format!("v_{}_last_version", table.name);
        let id = identifier(&table.id_column()).into_owned();
        return format!(
            "EXISTS (SELECT FROM cds2db_out.{} v WHERE v.{id} = t.{id})",
            identifier(&view)
        );
    }
    format!(
        "l.last_nr = (SELECT max(i.last_nr) FROM core.import_rows r JOIN core.import i ON i.no = r.import_no
           WHERE r.table_name = {})",
        literal(&table.name)
    )
}
