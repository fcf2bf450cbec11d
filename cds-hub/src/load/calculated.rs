use std::sync::Arc;

use sqlx::AssertSqlSafe;
use table_description::TableDescription;

use super::Import;
use crate::schema::{Kind, StoredTable};
use crate::transfer::Names;
use crate::{Error, ErrorKind, Result};

impl Import<'_> {
    /// Overwrites a calculated column of typed rows, which is no part of their content: `rows` are row ids with values. What
    /// stood before is kept.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the column is not calculated; when the server refuses.
    pub async fn set_calculated(
        &mut self,
        table: &TableDescription,
        column: &str,
        rows: &[(i32, String)],
    ) -> Result<()> {
        if !table
            .columns
            .iter()
            .any(|c| c.name == column && c.is_calculated())
        {
            return Err(Error::new(
                ErrorKind::Input,
                format!("{column} of {} is not calculated", table.name),
            ));
        }
        let (ids, values): (Vec<i32>, Vec<&str>) =
            rows.iter().map(|(id, value)| (*id, value.as_str())).unzip();
        let stored = StoredTable::new(Kind::Typed, &Arc::new(table.clone()));
        let sql = format!(
            "SELECT {}($1, $2, $3, $4)",
            Names::of(&stored).function("set_calculated")
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.number())
            .bind(column)
            .bind(ids)
            .bind(values)
            .execute(self.connection())
            .await
            .map_err(|e| Error::sql(format!("working out references of {} again", table.name), &e))?;
        Ok(())
    }
}
