use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use crate::{Error, Result};

/// What a database has of a hub, as its catalogue says.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// Columns with their types by schema and relation, in their order.
    columns: HashMap<(String, String), Vec<(String, String)>>,
    indexes: HashSet<String>,
    recipes: HashMap<String, Recorded>,
    views: HashSet<String>,
    schemas: HashSet<String>,
}

/// Which columns made the hashes of a table's rows.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) version: i32,
    pub(super) columns: Vec<String>,
    pub(super) added: Vec<String>,
}

impl Catalogue {
    /// Reads tables and views outside the server's own schemas, indexes of the core, and recipes.
    pub(super) async fn read(connection: &mut PgConnection, recipes: bool) -> Result<Self> {
        let failed = |e| Error::sql("reading the catalogue", &e);
        let mut this = Self::default();
        let columns: Vec<(String, String, String, String)> = sqlx::query_as(
            "SELECT n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) \
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') \
             AND n.nspname !~ '^(pg_|information_schema$)' ORDER BY c.oid, a.attnum",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        for (schema, table, column, sql_type) in columns {
            this.columns
                .entry((schema, table))
                .or_default()
                .push((column, sql_type));
        }
        let indexes: Vec<(String,)> =
            sqlx::query_as("SELECT indexname::text FROM pg_indexes WHERE schemaname = 'core'")
                .fetch_all(&mut *connection)
                .await
                .map_err(failed)?;
        this.indexes = indexes.into_iter().map(|(name,)| name).collect();
        // Those that a first load goes without come back with its end.
        if this.table("core", "set_aside").is_some() {
            let aside: Vec<(String,)> = sqlx::query_as("SELECT index_name FROM core.set_aside")
                .fetch_all(&mut *connection)
                .await
                .map_err(failed)?;
            this.indexes.extend(aside.into_iter().map(|(name,)| name));
        }
        let views: Vec<(String,)> = sqlx::query_as(
            "SELECT format('%I.%I', schemaname, viewname) FROM pg_views \
             WHERE schemaname !~ '^(pg_|information_schema$)'",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        this.views = views.into_iter().map(|(name,)| name).collect();
        let schemas: Vec<(String,)> = sqlx::query_as("SELECT nspname::text FROM pg_namespace")
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        this.schemas = schemas.into_iter().map(|(name,)| name).collect();
        if recipes {
            let recorded: Vec<(String, i32, Vec<String>, Vec<String>)> = sqlx::query_as(
                "SELECT DISTINCT ON (table_name) table_name, version, columns, added FROM core.recipe \
                 ORDER BY table_name, version DESC",
            )
            .fetch_all(connection)
            .await
            .map_err(failed)?;
            this.recipes = recorded
                .into_iter()
                .map(|(table, version, columns, added)| {
                    (
                        table,
                        Recorded {
                            version,
                            columns,
                            added,
                        },
                    )
                })
                .collect();
        }
        Ok(this)
    }

    /// The columns of a table with their types, in their order; `None` where there is no such table.
    pub(super) fn table(&self, schema: &str, table: &str) -> Option<&[(String, String)]> {
        self.columns
            .get(&(schema.to_owned(), table.to_owned()))
            .map(Vec::as_slice)
    }

    /// Schema and name of every table.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns
            .keys()
            .map(|(schema, table)| (schema.as_str(), table.as_str()))
    }

    /// Whether there is a schema of this name.
    pub(super) fn has_schema(&self, schema: &str) -> bool {
        self.schemas.contains(schema)
    }

    pub(super) fn column(&self, schema: &str, table: &str, column: &str) -> Option<&str> {
        self.table(schema, table)?
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, t)| t.as_str())
    }

    pub(super) fn has_index(&self, name: &str) -> bool {
        self.indexes.contains(name)
    }

    /// Whether there is a view of this qualified name.
    pub(super) fn has_view(&self, name: &str) -> bool {
        self.views.contains(name)
    }

    /// The qualified names of all views.
    pub(super) fn views(&self) -> impl Iterator<Item = &str> {
        self.views.iter().map(String::as_str)
    }

    pub(super) fn recipe(&self, table: &str) -> Option<&Recorded> {
        self.recipes.get(table)
    }

    /// Tables a recipe is recorded for, sorted.
    pub(super) fn recorded(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.recipes.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// Whether the catalogue's name of a type is the one the hub declares.
pub(super) fn same_type(declared: &str, catalogue: &str) -> bool {
    let long = match declared {
        "varchar" => "character varying",
        "timestamp" => "timestamp without time zone",
        "time" => "time without time zone",
        other => other,
    };
    // Text of an unlimited length has two names.
    long == catalogue || (declared == "varchar" && catalogue == "text")
}
