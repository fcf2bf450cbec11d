use std::any::Any;
use std::sync::Arc;

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, Column, DataFrame, DataType, LazyFrame, PlSmallStr, PolarsError,
    PolarsResult, ScanArgsAnonymous, Schema, Series,
};

use crate::profile::{Piece, Source};
use crate::{Error, ErrorKind};

/// All files of a table below each other; a column that a file does not have is NULL there. Of the files the columns that a
/// query needs are read, when it runs.
///
/// # Errors
/// When the engine refuses the columns.
pub(super) fn frame(source: Source) -> Result<LazyFrame, Error> {
    let place = std::path::PathBuf::from(source.table());
    let options = ScanArgsAnonymous {
        schema: Some(Arc::new(Schema::from_iter(source.columns().iter().cloned()))),
        name: "files of a run",
        ..ScanArgsAnonymous::default()
    };
    LazyFrame::anonymous_scan(Arc::new(Scan(source)), options)
        .map_err(|e| Error::caused(ErrorKind::Rows, &place, e))
}

struct Scan(Source);

impl AnonymousScan for Scan {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }

    fn scan(&self, asked: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let is_wanted = |name: &PlSmallStr| asked.with_columns.as_ref().is_none_or(|of| of.contains(name));
        let columns: Vec<_> = self
            .0
            .columns()
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .collect();
        let empty = |(name, dtype): &&(PlSmallStr, DataType)| Column::new_empty(name.clone(), dtype);
        let mut rows = DataFrame::new(0, columns.iter().map(empty).collect())?;
        for &piece in self.0.pieces() {
            rows.vstack_mut_owned(self.piece(piece, &columns)?)?;
            if asked.n_rows.is_some_and(|most| rows.height() >= most) {
                break;
            }
        }
        Ok(rows.head(asked.n_rows.or(Some(rows.height()))))
    }
}

impl Scan {
    fn piece(&self, piece: Piece, columns: &[&(PlSmallStr, DataType)]) -> PolarsResult<DataFrame> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let cells = self.0.read(piece, &names);
        let cells = cells.map_err(|e| PolarsError::ComputeError(e.to_string().into()))?;
        let columns = columns.iter().map(|(name, dtype)| match cells.get(name) {
            Some(series) => series.cast(dtype).map(Column::from),
            None => Ok(Series::full_null(name.clone(), piece.rows, dtype).into()),
        });
        DataFrame::new(piece.rows, columns.collect::<PolarsResult<_>>()?)
    }
}
