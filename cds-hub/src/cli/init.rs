use std::path::Path;

use cds_hub::schema::{Model, ROLES};
use cds_hub::{Hub, HubTables, Result};

use super::{output, passwords};

/// Makes the hub and says what is there now and what comes next.
pub(crate) async fn run(hub: &Hub, tables: &HubTables, dir: Option<&Path>) -> Result<()> {
    let made = hub.init(tables).await?;
    let with = passwords::set(hub, dir).await?;
    let tables = Model::new(tables).tables().len();
    output::line(&if made {
        format!("the hub is made: {tables} tables with their inboxes, views and roles")
    } else {
        format!("the hub was there already, with these {tables} tables; nothing was changed in it")
    });
    let without: Vec<&str> = ROLES.into_iter().filter(|role| !with.contains(role)).collect();
    if !with.is_empty() {
        output::line(&format!("passwords set: {}", with.join(", ")));
    }
    if !without.is_empty() {
        output::line(&format!(
            "no password given, so unchanged: {}",
            without.join(", ")
        ));
    }
    if made {
        output::line(
            "what modules write is transferred when they release the lock; `cds-hub serve` is needed for rows written \
             without it and to try refused rows again",
        );
    }
    Ok(())
}
