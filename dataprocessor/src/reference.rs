use polars::prelude::*;

/// The id in a column of ids or references: the text behind the last slash.
pub(crate) fn id_of(column: &str) -> Expr {
    col(column).str().extract(lit("([^/]+)$"), 1)
}

/// The first row of each key in the order given, which must tell all rows of a key apart.
pub(crate) fn first_of(
    frame: LazyFrame,
    keys: &[&str],
    order: Vec<Expr>,
    descending: Vec<bool>,
) -> LazyFrame {
    let options = SortMultipleOptions::new()
        .with_order_descending_multi(descending)
        .with_nulls_last(true)
        .with_maintain_order(true);
    frame
        .sort_by_exprs(order, options)
        .unique_stable(Some(cols(keys.iter().copied())), UniqueKeepStrategy::First)
}

/// The different texts of a column within a group, in order of the frame, with a separator; null if there is none.
pub(crate) fn joined(column: &str, separator: &str) -> Expr {
    let texts = col(column).drop_nulls().unique_stable();
    when(col(column).is_not_null().any(true))
        .then(texts.str().join(separator, true))
        .otherwise(lit(NULL))
        .alias(column)
}
