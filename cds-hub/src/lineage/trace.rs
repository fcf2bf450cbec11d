use sqlx::{AssertSqlSafe, Row};

use crate::schema::{Kind, Model, StoredTable, identifier, seen};
use crate::transfer::Names;
use crate::{Error, ErrorKind, Hub, Result};

/// One row on the way from a result back to the FHIR server.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// How far from the row asked for, counted from 0.
    pub depth: usize,
    /// Contract name of the table.
    pub table: String,
    /// Key of the row in the core; the contract's id in raw and typed tables.
    pub id: i32,
    /// FHIR type and id, such as `Patient/4711`, of a raw or typed row.
    pub resource: Option<String>,
    /// FHIR version id, of a raw or typed row.
    pub version: Option<String>,
    /// Number of the import that brought the row.
    pub input_processing_nr: Option<i32>,
    /// Number of the newest import that confirmed it.
    pub last_processing_nr: Option<i32>,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The resource's id may identify a patient.
        f.debug_struct("Origin")
            .field("table", &self.table)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Rows named at most; a result made from more is too wide to be read.
const MOST: usize = 10_000;

impl Hub {
    /// The rows a row was made from, depth first: from a `_fe` row to typed rows, from a typed row to all raw versions
    /// that share it. `id` is the contract's; where it repeats, all rows with it are walked.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such table or row; when the server refuses.
    pub async fn trace(&self, model: &Model, table: &str, id: i32) -> Result<Vec<Origin>> {
        let start = model
            .table(table)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table {table}")))?;
        let names = Names::of(start);
        let keys: Vec<i32> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT t.{key} FROM {core} t WHERE t.{id} = $1 ORDER BY 1",
            key = names.key,
            core = names.core,
            id = names.id
        )))
        .bind(id)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql(format!("looking for a row of {table}"), &e))?;
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("no row {id} in {table}")));
        }
        let mut origins = Vec::new();
        // The next row to name is the last one.
        let mut waiting: Vec<(usize, String, i32)> = keys
            .into_iter()
            .rev()
            .map(|key| (0, table.to_owned(), key))
            .collect();
        while let Some((depth, table, key)) = waiting.pop() {
            if origins.len() == MOST {
                break;
            }
            let Some(stored) = model.table(&table) else {
                continue;
            };
            let Some(origin) = self.origin(stored, key, depth).await? else {
                continue;
            };
            origins.push(origin);
            let mut sources = self.sources(stored, key).await?;
            sources.reverse();
            waiting.extend(sources.into_iter().map(|(table, key)| (depth + 1, table, key)));
        }
        Ok(origins)
    }

    async fn origin(&self, table: &StoredTable, key: i32, depth: usize) -> Result<Option<Origin>> {
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
            "SELECT {fhir_id}, {version}, a.input_nr, l.last_nr
             FROM {core} t LEFT JOIN {seen} s ON {on}
             LEFT JOIN core.import a ON a.no = t.import_no
             LEFT JOIN core.import l ON l.no = coalesce({confirmed}, t.import_no)
             WHERE t.{key} = $1",
            fhir_id = bare("id"),
            version = bare("meta/versionId"),
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
            depth,
            table: table.name.clone(),
            id: key,
            resource: id.zip(resource).map(|(id, resource)| format!("{resource}/{id}")),
            version: row.try_get(1).map_err(|e| failed(&e))?,
            input_processing_nr: row.try_get(2).map_err(|e| failed(&e))?,
            last_processing_nr: row.try_get(3).map_err(|e| failed(&e))?,
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
