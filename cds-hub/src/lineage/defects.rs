use sqlx::AssertSqlSafe;

use crate::schema::identifier::literal;
use crate::schema::{Kind, Model, identifier};
use crate::{Error, Hub, Result};

/// A value that could not be typed, and where it stands.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefectLine {
    /// Contract name of the typed table.
    pub table: String,
    /// Id of the raw row, which keeps the value.
    pub raw_id: i32,
    /// FHIR type and id. Identifies a patient.
    pub resource: String,
    /// FHIR version id.
    pub version: Option<String>,
    /// The column whose cell is empty.
    pub column: String,
    /// Which repetition, such as `1.2`; counted from 1.
    pub index_path: String,
    /// What is wrong, such as `not_a_number`.
    pub kind: String,
}

impl std::fmt::Debug for DefectLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DefectLine")
            .field("table", &self.table)
            .field("column", &self.column)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// Values that could not be typed, by resource: of all tables or of one, at most `most`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn defects(&self, model: &Model, table: Option<&str>, most: usize) -> Result<Vec<DefectLine>> {
        let mut lines = Vec::new();
        for stored in model.of(Kind::Raw) {
            let base = stored.base();
            let (Some(id), Some(resource)) = (stored.fhir_id_column(), &stored.description.resource) else {
                continue;
            };
            if table.is_some_and(|table| table != base) || lines.len() == most {
                continue;
            }
            let bare =
                |column: &str| format!(r"regexp_replace(r.{}, '^\[[0-9.]+\]', '')", identifier(column));
            let version = stored
                .version_id_column()
                .map_or_else(|| "NULL::text".to_owned(), bare);
            let sql = format!(
                "SELECT d.raw_id, {resource} || '/' || {id}, {version}, d.column_name, d.index_path, d.kind
                 FROM core.defect d JOIN core.{raw} r ON r.{key} = d.raw_id WHERE d.table_name = {table}
                 ORDER BY 2, d.raw_id, d.column_name, d.index_path LIMIT {most}",
                resource = literal(resource),
                id = bare(id),
                raw = identifier(&stored.name),
                key = identifier(&stored.id_column()),
                table = literal(base),
                most = most - lines.len(),
            );
            type Row = (i32, String, Option<String>, String, String, String);
            let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql))
                .fetch_all(self.pool())
                .await
                .map_err(|e| Error::sql(format!("listing the defects of {base}"), &e))?;
            lines.extend(
                rows.into_iter().map(
                    |(raw_id, resource, version, column, index_path, kind)| DefectLine {
                        table: base.to_owned(),
                        raw_id,
                        resource,
                        version,
                        column,
                        index_path,
                        kind,
                    },
                ),
            );
        }
        Ok(lines)
    }
}
