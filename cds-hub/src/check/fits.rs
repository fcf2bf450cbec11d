//! Whether a database is a hub that a program of this release can write to.

use std::collections::HashSet;

use table_description::Description;

use crate::{Error, ErrorKind, Hub, Result};

/// Missing things named at most.
const NAMED: usize = 3;

impl Hub {
    /// Looks whether this is a hub, and whether its inboxes have every table and column that the description asks for; known
    /// here, a column that is missing does not end an import half way.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] with the command that mends it, and when the server refuses.
    pub async fn fits(&self, description: &Description) -> Result<()> {
        let failed = |e| Error::sql("looking at the hub's tables", &e);
        let (is_hub, is_original): (bool, bool) = sqlx::query_as(
            "SELECT coalesce(bool_or(n.nspname = 'core' AND c.relname = 'import'), false), \
                    coalesce(bool_or(n.nspname = 'db_config' AND c.relname = 'db_process_control'), false) \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
        )
        .fetch_one(self.pool())
        .await
        .map_err(failed)?;
        if !is_hub {
            let text = match is_original {
                true => "the database is a hub of the original system; cds-hub migrate adopts it",
                false => "the database is no hub yet; cds-hub init makes it one",
            };
            return Err(Error::new(ErrorKind::Schema, text));
        }
        let known: Vec<(String, String)> = sqlx::query_as(
            "SELECT c.relname::text, a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'cds2db_in' AND a.attnum > 0 \
             AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'p')",
        )
        .fetch_all(self.pool())
        .await
        .map_err(failed)?;
        let known: HashSet<(&str, &str)> = known.iter().map(|(t, c)| (t.as_str(), c.as_str())).collect();
        let tables: HashSet<&str> = known.iter().map(|(table, _)| *table).collect();
        let mut missing = Vec::new();
        for table in &description.tables {
            if !tables.contains(table.name.as_str()) {
                missing.push(format!("table {}", table.name));
                continue;
            }
            let columns = table.columns.iter().map(|column| column.name.as_str());
            let absent = columns.filter(|column| !known.contains(&(table.name.as_str(), *column)));
            missing.extend(absent.map(|column| format!("column {column} of {}", table.name)));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let more = missing.len().saturating_sub(NAMED);
        missing.truncate(NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        Err(Error::new(
            ErrorKind::Schema,
            format!(
                "the hub is older than this program or made for another description: it has no {}{more}; cds-hub migrate brings it up to date",
                missing.join(", no ")
            ),
        ))
    }
}
