use cds_hub::{Hub, Result};

use super::output;

/// Prints all parameters, or one, or changes one.
pub(crate) async fn run(hub: &Hub, name: Option<&str>, value: Option<&str>) -> Result<()> {
    if let (Some(name), Some(value)) = (name, value) {
        let before = hub.parameters().await?.into_iter().find(|p| p.name == name);
        hub.set_parameter(name, value).await?;
        let before = before.map(|p| p.value).unwrap_or_default();
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
    let width = shown.iter().map(|p| p.name.len()).max().unwrap_or_default();
    for parameter in shown {
        output::line(&format!(
            "{:width$}  {:<20}  {}",
            parameter.name, parameter.value, parameter.description
        ));
    }
    Ok(())
}
