use std::process::ExitCode;

use cds_hub::{Hub, HubTables, Result};

use super::output;

/// Exit code where questions are open: nothing is wrong, and nothing was done.
const OPEN: u8 = 2;

/// Shows what is to be done; does it unless it is only a look or a question is open.
pub(crate) async fn run(
    hub: &Hub,
    tables: &HubTables,
    look: bool,
    sql: bool,
    accept: bool,
) -> Result<ExitCode> {
    let plan = if look || sql {
        hub.migration(tables).await?
    } else {
        hub.migrate(tables, accept).await?
    };
    if sql {
        output::text(&plan.script().text());
        return Ok(ExitCode::SUCCESS);
    }
    output::text(&plan.to_string());
    if plan.changes().is_empty() {
        output::line("nothing to do: the hub is as described");
    } else if plan.is_applied() {
        output::line("done");
    } else if !plan.questions().is_empty() {
        output::note("nothing was changed; --accept answers all questions (lines with ?) with yes");
        return Ok(ExitCode::from(OPEN));
    }
    Ok(ExitCode::SUCCESS)
}
