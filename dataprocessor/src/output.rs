use polars::prelude::*;

/// One computed output table.
#[derive(Clone)]
pub struct Output {
    /// Name of the table in the hub, such as `fall_fe`.
    pub table: String,
    /// Its rows; columns are those of the table's description and the table's id.
    pub rows: DataFrame,
    /// What each row came from: `row` (position in `rows`, counted from 0), `source_table`, `source_id`.
    pub lineage: DataFrame,
}

/// Only figures: the rows are those of patients.
impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("table", &self.table)
            .field("rows", &self.rows.height())
            .field("lineage", &self.lineage.height())
            .finish()
    }
}

impl Output {
    /// Computes the rows and the lineage, whose key columns are those of `rows` named by `keys`.
    pub(crate) fn collect(
        table: &str,
        rows: LazyFrame,
        lineage: LazyFrame,
        keys: &[&str],
    ) -> PolarsResult<Self> {
        let rows = rows.collect()?;
        let keys: Vec<Expr> = keys.iter().map(|k| col(*k)).collect();
        let numbered = rows
            .clone()
            .lazy()
            .with_row_index("row", None)
            .select([vec![col("row")], keys.clone()].concat());
        let lineage = lineage
            .join(numbered, keys.clone(), keys, JoinArgs::new(JoinType::Inner))
            .select([col("row"), col("source_table"), col("source_id")])
            .unique_stable(None, UniqueKeepStrategy::First)
            .collect()?;
        Ok(Self {
            table: table.to_owned(),
            rows,
            lineage,
        })
    }
}
