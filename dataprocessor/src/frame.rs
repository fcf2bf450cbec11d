//! What the derivations do with frames.

use cds_hub::frame::Kind;
use polars::prelude::*;

use crate::{Error, Result};

/// Name and kind of one column.
pub(crate) type Field = (&'static str, Kind);

/// One frame below the other; they must have the same columns.
pub(crate) fn stacked(frames: &[LazyFrame]) -> Result<LazyFrame> {
    concat(frames, UnionArgs::default()).map_err(|e| Error::frame("joining frames", &e))
}

/// Computes a frame that several others are made from, so that it is computed once and their plans stay flat.
pub(crate) fn computed(frame: LazyFrame, place: &str) -> Result<LazyFrame> {
    frame
        .collect()
        .map(IntoLazy::lazy)
        .map_err(|e| Error::frame(place, &e))
}
