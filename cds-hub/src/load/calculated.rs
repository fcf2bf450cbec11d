use std::sync::Arc;

use sqlx::AssertSqlSafe;
use table_description::TableDescription;

use super::Import;
use crate::schema::{Kind, StoredTable, identifier};
use crate::transfer::{Names, before};
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
        let Names { core, key, .. } = Names::of(&stored);
        let sql = format!(
            "WITH changed AS MATERIALIZED (
               SELECT t.{key} AS id, d.value, {before} AS before
               FROM unnest($1::int[], $2::text[]) AS d(id, value)
               CROSS JOIN LATERAL (SELECT * FROM {core} c WHERE c.{key} = d.id OFFSET 0) t
               WHERE t.{column} IS DISTINCT FROM d.value),
             kept AS (
               INSERT INTO core.overwritten (table_name, id, import_no, before)
               SELECT $3, c.id, $4, c.before FROM changed c ON CONFLICT DO NOTHING)
             UPDATE {core} t SET {column} = c.value FROM changed c WHERE t.{key} = c.id",
            column = identifier(column),
            before = before(&stored, "t."),
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(ids)
            .bind(values)
            .bind(&table.name)
            .bind(self.number())
            .execute(self.connection())
            .await
            .map_err(|e| Error::sql(format!("working out references of {} again", table.name), &e))?;
        Ok(())
    }
}
