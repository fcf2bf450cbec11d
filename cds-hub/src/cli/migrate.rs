use std::process::ExitCode;

use cds_hub::{Hub, HubTables, Result};
use serde_json::json;
use site_config::exit_code;

use super::output;

/// What `migrate` is to do and to print.
#[derive(Clone, Copy)]
pub(crate) struct How {
    /// Do nothing, only show.
    pub(crate) look: bool,
    /// Print the statements instead.
    pub(crate) sql: bool,
    /// Answer all questions with yes.
    pub(crate) accept: bool,
    /// As JSON.
    pub(crate) json: bool,
}

/// Shows what is to be done; does it unless it is only a look or a question is open.
pub(crate) async fn run(hub: &Hub, tables: &HubTables, how: How) -> Result<ExitCode> {
    let plan = if how.look || how.sql {
        hub.migration(tables).await?
    } else {
        hub.migrate(tables, how.accept).await?
    };
    // Nothing is wrong and nothing was done: somebody has to say yes first.
    let is_open = !how.look && !how.sql && !plan.is_applied() && !plan.questions().is_empty();
    let code = ExitCode::from(if is_open { exit_code::HELD } else { exit_code::DONE });
    if how.json {
        let texts = |lines: &[&dyn ToString]| lines.iter().map(|l| l.to_string()).collect::<Vec<_>>();
        let changes: Vec<&dyn ToString> = plan.changes().iter().map(|c| c as &dyn ToString).collect();
        let questions: Vec<&dyn ToString> = plan.questions().iter().map(|q| q as &dyn ToString).collect();
        output::json(&json!({
            "applied": plan.is_applied(), "changes": texts(&changes), "questions": texts(&questions),
            "remarks": plan.remarks(),
        }));
        return Ok(code);
    }
    if how.sql {
        output::text(&plan.script().text());
        return Ok(code);
    }
    output::text(&plan.to_string());
    if plan.changes().is_empty() {
        output::line("nothing to do: the hub is as described");
    } else if plan.is_applied() {
        output::line("done");
    } else if is_open {
        output::note("nothing was changed; --accept answers all questions (lines with ?) with yes");
    }
    Ok(code)
}
