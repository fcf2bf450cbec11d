use polars::prelude::*;

use crate::Result;
use crate::frame::stacked;

/// Rows of the hub that contributed to output rows: the key columns of the output row, `source_table`, `source_id`.
///
/// `frame` holds the keys and the ids of rows of `table`; each typed row is listed together with its raw row.
pub(crate) fn traced(frame: &LazyFrame, keys: &[&str], table: &str) -> Result<LazyFrame> {
    let part = |table: String| {
        let mut columns: Vec<Expr> = keys.iter().map(|k| col(*k)).collect();
        columns.push(col(format!("{table}_id")).alias("source_id"));
        columns.push(lit(table).alias("source_table"));
        frame
            .clone()
            .select(columns)
            .filter(col("source_id").is_not_null())
    };
    stacked(&[part(table.to_owned()), part(format!("{table}_raw"))])
}
