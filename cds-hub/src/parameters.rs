use crate::{Error, ErrorKind, Hub, Result};

/// One setting of the hub, kept in `db_config.db_parameter`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Name.
    pub name: String,
    /// Value, always text.
    pub value: String,
    /// What it is for.
    pub description: String,
}

impl Hub {
    /// All parameters, by name.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn parameters(&self) -> Result<Vec<Parameter>> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT parameter_name, coalesce(parameter_value, ''), coalesce(parameter_description, '') \
             FROM db_config.db_parameter ORDER BY parameter_name",
        )
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("reading the parameters", &e))?;
        Ok(rows
            .into_iter()
            .map(|(name, value, description)| Parameter {
                name,
                value,
                description,
            })
            .collect())
    }

    /// Changes a parameter.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none of this name.
    pub async fn set_parameter(&self, name: &str, value: &str) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE db_config.db_parameter SET parameter_value = $2, last_change_timestamp = now() \
             WHERE parameter_name = $1",
        )
        .bind(name)
        .bind(value)
        .execute(self.pool())
        .await
        .map_err(|e| Error::sql("changing a parameter", &e))?;
        match changed.rows_affected() {
            0 => Err(Error::new(ErrorKind::NotFound, format!("parameter {name}"))),
            _ => Ok(()),
        }
    }
}
