use sqlx::{AssertSqlSafe, PgConnection};

use super::{Finding, Rule, rules};
use crate::migrate::differences;
use crate::schema::{HubTables, Model, definitions};
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
        for altered in definitions::altered(&mut transaction).await? {
            add(Rule::Installed, &format!("{} {}", altered.object, altered.how), 1);
        }
        if changes == 0 {
            let model = Model::new(tables);
            for table in model.tables() {
                for (rule, sql) in rules::of(table, &model, sample) {
                    add(rule, &table.name, count(&mut transaction, rule, sql).await?);
                }
            }
            for (rule, place, sql) in [
                (Rule::Refused, "core.quarantine", rules::refused(&model)),
                (Rule::Rights, "schema core", rules::rights(&model)),
            ] {
                add(rule, place, count(&mut transaction, rule, sql).await?);
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
        "SELECT count(*) FROM core.lease l CROSS JOIN db_config.db_process_control c WHERE c.pc_name = \
         'semaphor_cron_job_data_transfer' AND (l.token IS NOT NULL AND l.expires < now() OR l.expires > now() + interval \
         '1 day' OR l.module IS NOT NULL AND c.pc_value NOT LIKE 'Ongoing%')",
    ),
    (
        Rule::Noted,
        "core.import_rows",
        "SELECT count(*) FROM core.import_rows r CROSS JOIN db.db_seq s CROSS JOIN core.row_seq f WHERE \
         upper(r.new_ids + r.seen_ids + r.lifted_ids) - 1 > greatest(s.last_value, f.last_value) OR \
         lower(r.new_ids + r.seen_ids + r.lifted_ids) < 1",
    ),
    (
        Rule::Imports,
        "core.import",
        "SELECT count(*) FROM (SELECT i.*, max(i.input_nr) OVER (PARTITION BY i.run) AS newest, lag(i.input_nr) OVER (ORDER \
         BY i.no) AS before FROM core.import i WHERE i.module <> 'original') i WHERE i.finished IS NULL OR i.input_nr IS NULL \
         OR i.last_nr IS DISTINCT FROM i.newest OR i.input_nr <= i.before OR i.finished > clock_timestamp()",
    ),
    (
        Rule::Watermarks,
        "core.watermark",
        "SELECT count(*) FROM core.watermark WHERE loaded_until > clock_timestamp()",
    ),
    (
        Rule::Quarantine,
        "core.quarantine",
        "SELECT count(*) FROM core.quarantine",
    ),
];
