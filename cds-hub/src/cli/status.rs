use cds_hub::{Hub, Result};
use serde_json::json;

use super::output;

/// One screen, or the same as JSON.
pub(crate) async fn run(hub: &Hub, as_json: bool) -> Result<()> {
    let status = hub.status().await?;
    if !as_json {
        output::text(&status.to_string());
        return Ok(());
    }
    let imports = status.imports.iter().map(|i| {
        json!({
            "number": i.number, "module": i.module, "part": i.part, "checked": i.checked, "seconds": i.seconds,
            "new": i.new, "seen": i.seen,
        })
    });
    let counts = |pairs: &[(String, i64)]| {
        let pairs = pairs
            .iter()
            .map(|(name, rows)| json!({"name": name, "rows": rows}));
        pairs.collect::<Vec<_>>()
    };
    let errors = status
        .errors
        .iter()
        .map(|(at, text)| json!({"at": at, "text": text}));
    let tables = status.tables.iter();
    let tables = tables.map(|t| json!({"name": t.name, "rows": t.rows, "bytes": t.bytes}));
    output::json(&json!({
        "semaphore": status.semaphore,
        "inboxes": counts(&status.inboxes),
        "untyped": counts(&status.untyped),
        "imports": imports.collect::<Vec<_>>(),
        "quarantine": {"rows": status.quarantine.rows, "due": status.quarantine.due},
        "errors": errors.collect::<Vec<_>>(),
        "tables": tables.collect::<Vec<_>>(),
        "bytes": status.bytes,
    }));
    Ok(())
}
