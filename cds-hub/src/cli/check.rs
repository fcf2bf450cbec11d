use std::process::ExitCode;

use cds_hub::check::Rule;
use cds_hub::{Hub, HubTables, Result};

use super::output;

/// Prints every rule with what breaks it; fails where an invariant is broken.
pub(crate) async fn run(hub: &Hub, tables: &HubTables, sample: u32) -> Result<ExitCode> {
    let findings = hub.check(tables, sample).await?;
    let mut broken = false;
    for rule in Rule::ALL {
        let places: Vec<String> = findings
            .iter()
            .filter(|f| f.rule == rule)
            .map(ToString::to_string)
            .collect();
        let verdict = match (places.is_empty(), rule.is_invariant()) {
            (true, _) => "ok",
            (false, true) => "BROKEN",
            (false, false) => "note",
        };
        broken |= verdict == "BROKEN";
        output::line(format!("{verdict:<7} {rule}  {}", places.join(", ")).trim_end());
    }
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
