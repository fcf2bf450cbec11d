//! The last version of every resource as typed rows, and which of them changed since an import: what a copy of the hub needs
//! to stand where the hub stands.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use table_description::typing::Precision;
use table_description::{Column, FhirType, TableDescription};

use crate::schema::identifier::literal;
use crate::schema::version_order;
use crate::schema::{Kind, StoredTable, identifier};
use crate::transfer::Names;
use crate::{Error, ErrorKind, Hub, Result};

/// Where a hub stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Which hub: the moment of its first import, in microseconds since 1970-01-01 UTC; 0 where it has none.
    pub hub: i64,
    /// Its newest import; 0 where it has none.
    pub import: i32,
    /// The newest run; 0 where there is none.
    pub run: i32,
}

/// One snapshot of the hub's last versions; whatever is imported meanwhile is not seen.
pub struct LastVersions {
    transaction: Transaction<'static, Postgres>,
    /// The moment whose last versions are meant, as the server writes it; the newest ones where there is none.
    as_of: Option<String>,
    /// Whether how much of each date was given is read, too.
    is_precise: bool,
}

impl Hub {
    /// Opens a snapshot of the last versions.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn last_versions(&self) -> Result<LastVersions> {
        self.snapshot(None).await
    }

    async fn snapshot(&self, of: Option<&str>) -> Result<LastVersions> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let opened = self.pool().begin_with(begin).await;
        let mut transaction = opened.map_err(|e| failed("last versions", &e))?;
        if let Some(snapshot) = of {
            let same = AssertSqlSafe(format!("SET TRANSACTION SNAPSHOT {}", literal(snapshot)));
            let same = sqlx::raw_sql(same).execute(&mut *transaction).await;
            same.map_err(|e| failed("last versions", &e))?;
        }
        // A few rows of millions are fetched sooner by index than the server's default for turning disks believes.
        let set = "SELECT set_config('jit', 'off', true), set_config('random_page_cost', '1.1', true)";
        let set = sqlx::query(set).execute(&mut *transaction).await;
        set.map_err(|e| failed("last versions", &e))?;
        Ok(LastVersions {
            transaction,
            as_of: None,
            is_precise: false,
        })
    }
}

impl LastVersions {
    /// Means the last versions of a moment instead: a time as PostgreSQL reads it, without an offset in the hub's zone.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when it is no time.
    pub async fn as_of(mut self, moment: &str) -> Result<Self> {
        let read: std::result::Result<String, _> = sqlx::query_scalar("SELECT ($1::text)::timestamptz::text")
            .bind(moment)
            .fetch_one(&mut *self.transaction)
            .await;
        let unread = |_| {
            Error::new(
                ErrorKind::Options,
                "the moment is not a time such as 2026-01-31 07:00",
            )
        };
        self.as_of = Some(read.map_err(unread)?);
        Ok(self)
    }

    /// Whether the columns of [`TableDescription::with_precision`] are read: behind each date how much of it was given.
    #[must_use]
    pub fn with_precision(mut self, wanted: bool) -> Self {
        self.is_precise = wanted;
        self
    }

    /// The table with the columns that are read of it.
    #[must_use]
    pub fn shown<'t>(&self, table: &'t TableDescription) -> Cow<'t, TableDescription> {
        if self.is_precise {
            Cow::Owned(table.with_precision())
        } else {
            Cow::Borrowed(table)
        }
    }

    /// So many further readers of the same snapshot and moment, to read side by side.
    ///
    /// # Errors
    /// When the server refuses another connection.
    pub async fn beside(&mut self, hub: &Hub, readers: usize) -> Result<Vec<Self>> {
        let snapshot: std::result::Result<String, _> = sqlx::query_scalar("SELECT pg_export_snapshot()")
            .fetch_one(&mut *self.transaction)
            .await;
        let snapshot = snapshot.map_err(|e| failed("last versions", &e))?;
        let mut beside = Vec::new();
        for _ in 0..readers {
            let mut reader = hub.snapshot(Some(&snapshot)).await?;
            reader.as_of.clone_from(&self.as_of);
            reader.is_precise = self.is_precise;
            beside.push(reader);
        }
        Ok(beside)
    }

    /// Whether a moment of the past is meant.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.as_of.is_some()
    }

    /// Where the hub stands, or stood.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn position(&mut self) -> Result<Position> {
        let sql = "SELECT coalesce((extract(epoch FROM min(started)) * 1000000)::bigint, 0), coalesce(max(no), 0), coalesce(max(run), 0)
                   FROM core.import WHERE $1::text IS NULL OR finished <= $1::text::timestamptz";
        let row: std::result::Result<(i64, i32, i32), _> = sqlx::query_as(sql)
            .bind(&self.as_of)
            .fetch_one(&mut *self.transaction)
            .await;
        let (hub, import, run) = row.map_err(|e| failed("where the hub stands", &e))?;
        Ok(Position { hub, import, run })
    }

    /// The resources of a table that may look otherwise than after this import: those with rows that came, were confirmed or
    /// were overwritten since. Each once, in no order. Empty for a table whose rows have no id.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn touched(&mut self, table: &Arc<TableDescription>, since: i32) -> Result<Vec<String>> {
        let stored = StoredTable::new(Kind::Typed, table);
        let Some(fhir_id) = stored.fhir_id_column().map(identifier) else {
            return Ok(Vec::new());
        };
        let names = Names::of(&stored);
        let (core, key) = (&names.core, &names.key);
        let sql = format!(
            "WITH keys AS MATERIALIZED (
               SELECT g.key FROM core.import_rows r
               CROSS JOIN unnest(r.new_ids + r.seen_ids + r.lifted_ids) AS m(ids)
               CROSS JOIN generate_series(lower(m.ids), upper(m.ids) - 1) AS g(key)
               WHERE r.table_name = $1 AND r.import_no > $2
               UNION SELECT w.id FROM core.overwritten w WHERE w.table_name = $1 AND w.import_no > $2)
             SELECT DISTINCT t.{fhir_id} FROM keys k JOIN {core} t ON t.{key} = k.key WHERE t.{fhir_id} IS NOT NULL"
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(&names.table)
            .bind(since)
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(|e| failed(&table.name, &e))
    }

    /// Ids of the resources marked as gone, by type.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn gone(&mut self) -> Result<HashMap<String, HashSet<String>>> {
        let sql = "SELECT resource, fhir_id FROM core.deleted WHERE CASE WHEN $1::text IS NULL THEN returned IS NULL
                   ELSE noticed <= $1::text::timestamptz AND (returned IS NULL OR returned > $1::text::timestamptz) END";
        let rows: std::result::Result<Vec<(String, String)>, _> = sqlx::query_as(sql)
            .bind(&self.as_of)
            .fetch_all(&mut *self.transaction)
            .await;
        let mut gone: HashMap<String, HashSet<String>> = HashMap::new();
        for (resource, id) in rows.map_err(|e| failed("what is gone", &e))? {
            gone.entry(resource).or_default().insert(id);
        }
        Ok(gone)
    }

    /// The lowest and the highest key of a table's rows; `None` where it has none.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn keys(&mut self, table: &Arc<TableDescription>) -> Result<Option<(i32, i32)>> {
        let names = Names::of(&StoredTable::new(Kind::Typed, table));
        let sql = format!("SELECT min({0}), max({0}) FROM {1}", names.key, names.core);
        let ends: std::result::Result<(Option<i32>, Option<i32>), _> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_one(&mut *self.transaction)
            .await;
        let (lowest, highest) = ends.map_err(|e| failed(&table.name, &e))?;
        Ok(lowest.zip(highest))
    }

    /// The last versions among the rows with these keys, both ends counted, as a binary COPY: the described columns in
    /// their order, then the run that brought the row as `integer`. Booleans are `integer`, times of day microseconds as
    /// `double precision`. Of a table without ids the rows of its newest run.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn slice(&mut self, table: &Arc<TableDescription>, keys: (i32, i32)) -> Result<Vec<u8>> {
        let (lowest, highest) = keys;
        let of = |key: &str| format!("v.{key} BETWEEN {lowest} AND {highest}");
        self.copy(table, of).await
    }

    /// The last versions of these resources, in the form of [`LastVersions::slice`].
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn of(&mut self, table: &Arc<TableDescription>, ids: &[String]) -> Result<Vec<u8>> {
        let stored = StoredTable::new(Kind::Typed, table);
        let fhir_id = stored.fhir_id_column().map(|c| identifier(c).into_owned());
        // COPY takes no parameters.
        let list: Vec<String> = ids.iter().map(|id| literal(id)).collect();
        let of = |_: &str| match &fhir_id {
            Some(column) => format!("v.{column} = ANY (ARRAY[{}]::text[])", list.join(",")),
            None => "true".to_owned(),
        };
        self.copy(table, of).await
    }

    async fn copy(
        &mut self,
        table: &Arc<TableDescription>,
        filter: impl Fn(&str) -> String,
    ) -> Result<Vec<u8>> {
        let stored = StoredTable::new(Kind::Typed, table);
        let names = Names::of(&stored);
        let mut columns: Vec<String> = Vec::new();
        for column in &table.columns {
            columns.push(shown(&identifier(&column.name), column.fhir_type));
            columns.extend(given(column).filter(|_| self.is_precise));
        }
        let precision = self.is_precise.then(|| given_of(table, &names));
        let (end, filter) = match stored.fhir_id_column() {
            Some(_) => ("_last_version", filter(&names.key)),
            None if self.as_of.is_some() => ("", "true".to_owned()),
            None => ("", newest_run(&names)),
        };
        let versions = match &self.as_of {
            None => format!("cds2db_out.{}", identifier(&format!("v_{}{end}", table.name))),
            Some(moment) => past(&stored, moment),
        };
        let sql = format!(
            "COPY (SELECT {}, i.run FROM {versions} v JOIN {core} c ON c.{key} = v.{key} JOIN core.import i ON i.no = \
             c.import_no {} WHERE {filter}) TO STDOUT (FORMAT binary)",
            columns.join(", "),
            precision.unwrap_or_default(),
            core = names.core,
            key = names.key,
        );
        let place = |e: &sqlx::Error| failed(&table.name, e);
        let mut stream = self.transaction.copy_out_raw(&sql).await.map_err(|e| place(&e))?;
        let mut out = Vec::new();
        while let Some(bytes) = stream.try_next().await.map_err(|e| place(&e))? {
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }

    /// Closes the snapshot.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn close(self) -> Result<()> {
        let closed = self.transaction.rollback().await;
        closed.map_err(|e| failed("last versions", &e))
    }
}

/// The last versions of a moment, or the newest list by then.
fn past(table: &StoredTable, moment: &str) -> String {
    let moment = format!("{}::timestamptz", literal(moment));
    let rows = format!("db.{}({moment})", identifier(&format!("{}_as_of", table.name)));
    match version_order::newest(table, &rows, &moment) {
        Some(newest) => format!("({newest})"),
        None => format!(
            "(SELECT r.* FROM {rows} r WHERE r.last_processing_nr = (
               SELECT max(m.input_nr) FROM core.import m WHERE m.finished <= {moment} AND m.run IN (
                 SELECT i.run FROM core.import_rows n JOIN core.import i ON i.no = n.import_no
                 WHERE n.table_name = {} AND i.finished <= {moment})))",
            literal(&table.name)
        ),
    }
}

/// A column as its bytes are the same whatever the server's settings.
fn shown(column: &str, fhir_type: FhirType) -> String {
    match fhir_type {
        FhirType::String => format!("v.{column}::text"),
        FhirType::Boolean | FhirType::Integer => format!("v.{column}::integer"),
        FhirType::Decimal => format!("v.{column}::double precision"),
        FhirType::Date => format!("v.{column}::date"),
        FhirType::DateTime => format!("v.{column}::timestamp"),
        FhirType::Time => format!("(extract(epoch FROM v.{column}) * 1000000)::double precision"),
    }
}

/// How much of a date was given; the hub keeps it of those that were not given in full.
fn given(column: &Column) -> Option<String> {
    let name = column.precision_name()?;
    let in_full = match column.fhir_type {
        FhirType::Date => Precision::Day,
        _ => Precision::Second,
    };
    Some(format!(
        "CASE WHEN v.{} IS NOT NULL THEN coalesce(p.{}, '{}') END",
        identifier(&column.name),
        identifier(&name),
        in_full.as_str()
    ))
}

/// What the hub keeps of it, a row of it for each row of the table.
fn given_of(table: &TableDescription, names: &Names) -> String {
    let named = table
        .columns
        .iter()
        .filter_map(|c| Some((c, c.precision_name()?)));
    let columns: Vec<String> = named
        .map(|(column, name)| {
            let (of, name) = (literal(&column.name), identifier(&name));
            format!("max(g.precision) FILTER (WHERE g.column_name = {of}) AS {name}")
        })
        .collect();
    if columns.is_empty() {
        return String::new();
    }
    format!(
        "CROSS JOIN LATERAL (SELECT {} FROM cds2db_out.v_precision g WHERE g.table_name = {} AND g.id = v.{}) p",
        columns.join(", "),
        literal(&names.table),
        names.key
    )
}

/// Condition for the rows of the newest run that had any of the table.
fn newest_run(names: &Names) -> String {
    format!(
        "v.last_processing_nr = (SELECT max(m.last_nr) FROM core.import_rows r JOIN core.import m ON m.no = r.import_no \
         WHERE r.table_name = {})",
        literal(&names.table)
    )
}

fn failed(place: &str, error: &sqlx::Error) -> Error {
    Error::sql(format!("reading last versions: {place}"), error)
}
