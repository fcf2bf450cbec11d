//! Whether a database is a hub that a program of this release can write to.

use std::collections::HashSet;

use table_description::Description;

use crate::{Condition, Error, ErrorKind, Hub, Result};

/// Missing things named at most.
const NAMED: usize = 3;

/// The numbers of a release.
fn numbers(release: &str) -> Vec<u32> {
    let parts = release.split(['.', '-']);
    parts.map_while(|part| part.parse().ok()).collect()
}

impl Hub {
    /// The release that made or migrated the hub last, where it is newer than this one.
    async fn newer(&self) -> Result<Option<String>> {
        let newest = "SELECT program FROM core.installation ORDER BY since DESC LIMIT 1";
        let release: Option<String> = sqlx::query_scalar(newest)
            .fetch_optional(self.pool())
            .await
            .map_err(|e| Error::sql("reading the hub's release", &e))?;
        Ok(release.filter(|release| numbers(release) > numbers(env!("CARGO_PKG_VERSION"))))
    }

    /// Refuses a hub that a newer program made: what it means by its tables this one cannot know.
    ///
    /// # Errors
    /// [`Condition::HubNewer`], and when this is no hub or the server refuses.
    pub async fn is_not_newer(&self) -> Result<()> {
        match self.newer().await? {
            None => Ok(()),
            Some(release) => {
                let place =
                    format!("the hub was made by release {release}, which is newer than this program");
                Err(Error::new(ErrorKind::Schema, place).with_condition(Condition::HubNewer { release }))
            }
        }
    }

    /// Looks whether this is a hub, and whether its inboxes have every table and column that the description asks for; known
    /// here, a column that is missing does not end an import half way.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] with the command that mends it, and when the server refuses.
    pub async fn fits(&self, description: &Description) -> Result<()> {
        let failed = |e| Error::sql("looking at the hub's tables", &e);
        let (is_hub, is_original, is_of_now): (bool, bool, bool) = sqlx::query_as(
            "SELECT coalesce(bool_or(n.nspname = 'core' AND c.relname = 'import'), false), \
                    coalesce(bool_or(n.nspname = 'db_config' AND c.relname = 'db_process_control'), false), \
                    coalesce(bool_or(n.nspname = 'core' AND c.relname = 'loading'), false) \
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
        if !is_of_now {
            missing.push("table of what is being loaded".to_owned());
        }
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
        let text = format!(
            "the hub is older than this program or made for another description: it has no {}{more}; cds-hub migrate brings it up to date",
            missing.join(", no ")
        );
        Err(Error::new(ErrorKind::Schema, text).with_condition(Condition::HubOlder { missing }))
    }
}
