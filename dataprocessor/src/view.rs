use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Instant;

use cds_hub::Hub;
use cds_hub::frame::{Kind, decode};
use futures_util::TryStreamExt as _;
use polars::prelude::DataFrame;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use crate::frame::Field;
use crate::{Error, ErrorKind, Result};

/// Schema of the views that the dataprocessor reads.
pub(crate) const SCHEMA: &str = "db2dataprocessor_out";

/// One snapshot of the hub, in which views are read.
///
/// All reads of a run see the same state, whatever is imported meanwhile.
pub struct Snapshot {
    transaction: Transaction<'static, Postgres>,
    plans: Option<Vec<String>>,
}

impl Snapshot {
    /// Opens a snapshot.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn open(hub: &Hub) -> Result<Self> {
        let opened = hub
            .pool()
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await;
        let mut transaction = opened.map_err(|e| failed("opening a snapshot", &e))?;
        // Compiling a statement over wide tables takes longer than running it once; and a few thousand rows of millions
        // are fetched sooner by index than the server's default for turning disks believes.
        let settings = "SELECT set_config('jit', 'off', true), set_config('random_page_cost', '1.1', true)";
        let set = sqlx::query(settings).execute(&mut *transaction).await;
        set.map_err(|e| failed("opening a snapshot", &e))?;
        Ok(Self {
            transaction,
            plans: None,
        })
    }

    /// The same, keeping the server's plan of everything read, for whoever wants to know why a run is slow.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn explaining(hub: &Hub) -> Result<Self> {
        Ok(Self {
            plans: Some(Vec::new()),
            ..Self::open(hub).await?
        })
    }

    /// The plans kept, one a query. They hold ids of patients: not for logs.
    #[must_use]
    pub fn plans(&self) -> &[String] {
        self.plans.as_deref().unwrap_or_default()
    }

    /// Reads a view once.
    ///
    /// # Errors
    /// When the server refuses, or the view has other columns than asked for.
    pub async fn read(&mut self, query: &Query) -> Result<DataFrame> {
        let begun = Instant::now();
        let place = format!("reading {}", query.view);
        if let Some(plans) = &mut self.plans {
            let explain = format!("EXPLAIN {}", query.select());
            let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain))
                .fetch_all(&mut *self.transaction)
                .await
                .map_err(|e| failed(&place, &e))?;
            plans.push(lines.join("\n"));
        }
        let stream = self
            .transaction
            .copy_out_raw(&query.copy())
            .await
            .map_err(|e| failed(&place, &e))?;
        let bytes = stream
            .try_fold(Vec::new(), |mut all, part| async move {
                all.extend_from_slice(&part);
                Ok(all)
            })
            .await
            .map_err(|e| failed(&place, &e))?;
        let frame = decode(&bytes, &query.names(), &query.kinds())
            .map_err(|e| Error::new(ErrorKind::Shape, place).with_source(e))?;
        tracing::debug!(view = query.view, rows = frame.height(), bytes = bytes.len(), elapsed = ?begun.elapsed(), "read");
        Ok(frame)
    }

    /// Closes the snapshot.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn close(self) -> Result<()> {
        self.transaction
            .rollback()
            .await
            .map_err(|e| failed("closing the snapshot", &e))
    }
}

pub(crate) fn failed(place: &str, error: &sqlx::Error) -> Error {
    Error::new(ErrorKind::Hub, place).with_source(cds_hub::Error::sql(place, error))
}

/// Some columns of the rows of one view that a filter keeps.
#[derive(Clone)]
pub struct Query {
    view: &'static str,
    fields: Vec<(String, Kind)>,
    filters: Vec<String>,
}

impl Query {
    /// Columns of a view in `db2dataprocessor_out`. Names are the program's own or checked against a description.
    #[must_use]
    pub fn new(view: &'static str, fields: &[Field]) -> Self {
        let fields = fields
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), *kind))
            .collect();
        Self {
            view,
            fields,
            filters: Vec::new(),
        }
    }

    /// One more text column, unless it is there already. The name must be a plain identifier.
    #[must_use]
    pub fn with_text(mut self, name: &str) -> Self {
        if !self.fields.iter().any(|(n, _)| n == name) {
            self.fields.push((name.to_owned(), Kind::Text));
        }
        self
    }

    /// Keeps rows for which this SQL condition holds; several conditions must hold together.
    #[must_use]
    pub fn filter(mut self, condition: impl Into<String>) -> Self {
        self.filters.push(condition.into());
        self
    }

    /// Keeps rows whose column holds one of these texts. Written as literals so that the planner knows how many.
    #[must_use]
    pub fn among<'a>(self, column: &str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let condition = is_among(column, texts);
        self.filter(condition)
    }

    /// The statement without COPY around it.
    #[must_use]
    pub fn select(&self) -> String {
        let mut sql = String::from("SELECT ");
        for (i, (name, kind)) in self.fields.iter().enumerate() {
            let _ = write!(
                sql,
                "{}{name}::{}",
                if i == 0 { "" } else { ", " },
                sql_type(*kind)
            );
        }
        let _ = write!(sql, " FROM {SCHEMA}.{}", self.view);
        for (i, filter) in self.filters.iter().enumerate() {
            let _ = write!(sql, " {} ({filter})", if i == 0 { "WHERE" } else { "AND" });
        }
        sql
    }

    fn copy(&self) -> String {
        format!("COPY ({}) TO STDOUT (FORMAT binary)", self.select())
    }

    fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(n, _)| n.as_str()).collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        self.fields.iter().map(|(_, k)| *k).collect()
    }
}

/// Holds ids of patients, so only the view and the columns are shown.
impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query")
            .field("view", &self.view)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Whole => "int",
        Kind::Number => "float8",
        Kind::Moment => "timestamp",
        Kind::Day => "date",
    }
}

/// The condition that a column holds one of these texts.
pub(crate) fn is_among<'a>(column: &str, texts: impl IntoIterator<Item = &'a str>) -> String {
    let list: Vec<String> = texts.into_iter().map(literal).collect();
    // A list without items is no SQL, and nothing is among nothing.
    if list.is_empty() {
        "false".to_owned()
    } else {
        format!("{column} IN ({})", list.join(","))
    }
}

/// The condition that a column of references names one of these patients, in whatever form.
pub(crate) fn refers_to(column: &str, patients: &BTreeSet<String>) -> String {
    let plain: Vec<String> = patients
        .iter()
        .map(|id| literal(&format!("Patient/{id}")))
        .collect();
    let ids: Vec<String> = patients.iter().map(|id| literal(id)).collect();
    cds_hub::schema::refers_to_patients(column, &plain, &ids)
}

/// A text as an SQL literal. Backslashes get the escape form, which does not depend on a setting of the server.
#[must_use]
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''").replace('\0', "");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_cannot_be_left() {
        for (text, sql) in [
            ("a", "'a'"),
            ("o'b", "'o''b'"),
            ("a\\'b", "E'a\\\\''b'"),
            ("", "''"),
        ] {
            assert_eq!(literal(text), sql);
        }
    }

    #[test]
    fn statements_have_only_what_is_asked_for() {
        let query = Query::new("v_x", &[("a", Kind::Text), ("b", Kind::Moment)])
            .with_text("c")
            .with_text("a");
        assert_eq!(
            query.select(),
            "SELECT a::text, b::timestamp, c::text FROM db2dataprocessor_out.v_x"
        );
        assert_eq!(
            query.clone().among("a", ["1", "2"]).filter("b < now()").select(),
            "SELECT a::text, b::timestamp, c::text FROM db2dataprocessor_out.v_x WHERE (a IN ('1','2')) AND (b < now())"
        );
        assert!(query.clone().among("a", []).select().ends_with("WHERE (false)"));
        assert!(!format!("{:?}", query.among("a", ["secret"])).contains("secret"));
    }
}
