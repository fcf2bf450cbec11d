//! Taking over a database of the original system.
//!
//! Its schemas are renamed to `original_…` and stay; a hub is made beside them, and every row is copied into it with
//! its ids, numbers, times, status and hash. So nothing is lost where the two differ, and an operator drops the old
//! schemas when satisfied.

mod aside;
mod imports;
mod rows;
mod source;
mod tables;
mod watermarks;

use sqlx::PgConnection;

use super::catalogue::Catalogue;
use super::{Change, Plan};
use crate::schema::{HubTables, Model, script};
use crate::{Error, Result};
use source::Source;
pub(super) use tables::of_original;

/// Everything the adoption does.
pub(super) fn plan(tables: &HubTables, catalogue: &Catalogue) -> Result<Plan> {
    let model = Model::new(tables);
    let sources: Vec<Source<'_>> = model
        .tables()
        .iter()
        .filter_map(|t| Source::find(t, catalogue))
        .collect();
    let mut plan = Plan {
        changes: vec![Change::Adopt],
        ..Plan::default()
    };
    aside::schemas(&mut plan, catalogue)?;
    plan.script.append(script(tables));
    aside::settings(&mut plan.script, catalogue);
    imports::imports(&mut plan.script, &sources);
    for source in &sources {
        source.questions(&mut plan.questions);
        rows::rows(&mut plan.script, source);
        rows::waiting(&mut plan.script, source, catalogue);
    }
    for source in &sources {
        rows::companions(&mut plan.script, source, &sources);
    }
    watermarks::watermarks(&mut plan.script, &model);
    for (schema, table) in source::unknown(&model, catalogue) {
        plan.remarks.push(format!(
            "{schema}.{table} is not described; it stays in original_{schema}"
        ));
    }
    plan.remarks
        .push("the original's tables stay in the schemas original_…; drop them when satisfied".to_owned());
    Ok(plan)
}

/// What turned out while rows were taken over.
pub(super) async fn remarks(connection: &mut PgConnection) -> Result<Vec<String>> {
    let notes: Vec<(String, i64)> =
        sqlx::query_as("SELECT note, count FROM adopted_note WHERE count > 0 ORDER BY note")
            .fetch_all(connection)
            .await
            .map_err(|e| Error::sql("reading the notes of the adoption", &e))?;
    Ok(notes
        .into_iter()
        .map(|(note, count)| format!("{note}: {count}"))
        .collect())
}
