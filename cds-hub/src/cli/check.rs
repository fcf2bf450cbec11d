use std::process::ExitCode;

use cds_hub::check::Rule;
use cds_hub::{Hub, HubTables, Result};

use serde_json::json;

use super::output;

/// Prints every rule with what breaks it; fails where an invariant is broken.
pub(crate) async fn run(hub: &Hub, tables: &HubTables, sample: u32, as_json: bool) -> Result<ExitCode> {
    let findings = hub.check(tables, sample).await?;
    let mut broken = false;
    let mut rules = Vec::new();
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
        if as_json {
            rules.push(json!({"rule": rule.to_string(), "verdict": verdict, "places": places}));
        } else {
            output::line(format!("{verdict:<7} {rule}  {}", places.join(", ")).trim_end());
        }
    }
    if as_json {
        output::json(&json!({"sound": !broken, "rules": rules}));
    }
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
