use std::path::Path;

use cds_hub::schema::ROLES;
use cds_hub::{Error, ErrorKind, Hub, Result};

/// Sets the passwords of those roles that have a file of their name in `dir`, or a variable such as
/// `CDS2DB_USER_PASSWORD` in the environment.
///
/// Those it set.
pub(crate) async fn set(hub: &Hub, dir: Option<&Path>) -> Result<Vec<&'static str>> {
    let mut with = Vec::new();
    for role in ROLES {
        let from_file = dir.map(|d| d.join(role)).filter(|f| f.is_file());
        let password = match from_file {
            Some(file) => {
                let text = std::fs::read_to_string(&file).map_err(|e| {
                    Error::new(ErrorKind::File, format!("password file {}", file.display())).with_source(e)
                })?;
                text.lines().next().map(str::to_owned)
            }
            None => std::env::var(format!("{}_PASSWORD", role.to_ascii_uppercase())).ok(),
        };
        if let Some(password) = password {
            hub.set_password(role, &password).await?;
            with.push(role);
        }
    }
    Ok(with)
}
