use cds_hub::{Hub, Result};

use serde_json::json;

use super::output;

/// Prints all parameters, or one, or changes one.
pub(crate) async fn run(hub: &Hub, name: Option<&str>, value: Option<&str>, as_json: bool) -> Result<()> {
    if let (Some(name), Some(value)) = (name, value) {
        let before = hub.parameters().await?.into_iter().find(|p| p.name == name);
        hub.set_parameter(name, value).await?;
        let before = before.map(|p| p.value).unwrap_or_default();
        if as_json {
            output::json(&json!({"name": name, "value": value, "before": before}));
            return Ok(());
        }
        output::line(&format!("{name} is {value} now; it was {before}"));
        return Ok(());
    }
    let parameters = hub.parameters().await?;
    let shown: Vec<_> = parameters
        .iter()
        .filter(|p| name.is_none_or(|n| n == p.name))
        .collect();
    if let (Some(name), []) = (name, shown.as_slice()) {
        return Err(cds_hub::Error::new(
            cds_hub::ErrorKind::NotFound,
            format!("parameter {name}"),
        ));
    }
    if as_json {
        let shown = shown.iter();
        let shown = shown.map(|p| json!({"name": p.name, "value": p.value, "description": p.description}));
        output::json(&shown.collect());
        return Ok(());
    }
    let width = shown.iter().map(|p| p.name.len()).max().unwrap_or_default();
    for parameter in shown {
        output::line(&format!(
            "{:width$}  {:<20}  {}",
            parameter.name, parameter.value, parameter.description
        ));
    }
    Ok(())
}
