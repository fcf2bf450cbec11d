use sqlx::{AssertSqlSafe, PgConnection};

use super::{Finding, Rule, rules};
use crate::migrate::differences;
use crate::schema::{HubTables, Model};
use crate::{Error, Hub, Result};

impl Hub {
    /// Verifies all rules; of each table at most `sample` rows are hashed again. Reads only, in one transaction.
    ///
    /// # Errors
    /// When this is no hub or the server refuses; a broken rule is no error but a [`Finding`].
    pub async fn check(&self, tables: &HubTables, sample: u32) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut transaction = self
            .pool()
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .map_err(|e| Error::sql("beginning the check", &e))?;
        let changes = differences(&mut transaction, tables).await?;
        let mut add = |rule: Rule, place: &str, count: i64| {
            if count != 0 {
                findings.push(Finding {
                    rule,
                    place: place.to_owned(),
                    count,
                });
            }
        };
        add(
            Rule::Described,
            "changes a migration would make",
            i64::try_from(changes).unwrap_or(i64::MAX),
        );
        if changes == 0 {
            let model = Model::new(tables);
            for table in model.tables() {
                for (rule, sql) in rules::of(table, &model, sample) {
                    add(rule, &table.name, count(&mut transaction, rule, sql).await?);
                }
            }
            for (rule, place, sql) in GENERAL {
                add(
                    *rule,
                    place,
                    count(&mut transaction, *rule, (*sql).to_owned()).await?,
                );
            }
        }
        findings.sort_by_key(|f| Rule::ALL.iter().position(|r| *r == f.rule));
        Ok(findings)
    }
}

async fn count(connection: &mut PgConnection, rule: Rule, sql: String) -> Result<i64> {
    let (count,): (i64,) = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .map_err(|e| Error::sql(format!("checking that {rule}"), &e))?;
    Ok(count)
}

/// Rules that do not look at one table.
const GENERAL: &[(Rule, &str, &str)] = &[
    (
        Rule::Sequence,
        "db.db_seq",
        "SELECT count(*) FROM db.db_seq s WHERE s.last_value < (SELECT coalesce(max(greatest(input_nr, last_nr)), 0) \
         FROM core.import) OR s.last_value < (SELECT coalesce(max(upper(range_merge(new_ids)) - 1), 0) FROM \
         core.import_rows WHERE table_name ~ '_raw$')",
    ),
    (
        Rule::Lock,
        "core.lease",
        "SELECT count(*) FROM core.lease WHERE token IS NOT NULL AND expires < now()",
    ),
    (
        Rule::Quarantine,
        "core.quarantine",
        "SELECT count(*) FROM core.quarantine",
    ),
];
