//! The columns that say where a row of the whole belongs.

use polars::prelude::DataFrame;
use table_description::TableDescription;

use crate::Channels;
use crate::profile::{hash_of, id_of, texts};

/// Columns with the id of the resource and the reference to the patient.
#[derive(Clone, Debug)]
pub(super) struct Keys<'t> {
    pub(super) id: Option<&'t str>,
    pub(super) patient: Option<&'t str>,
}

impl<'t> Keys<'t> {
    pub(super) fn of(table: &'t TableDescription) -> Self {
        let name = |position: usize| table.columns[position].name.as_str();
        Self {
            id: table.position_of_path("id").map(name),
            patient: Channels::of(table).patient.map(name),
        }
    }

    /// The file of each row, of so many.
    pub(super) fn parts(&self, frame: &DataFrame, parts: usize) -> Vec<usize> {
        let column = self.patient.or(self.id);
        let Some(series) = column.and_then(|c| frame.column(c).ok()) else {
            return vec![0; frame.height()];
        };
        let series = texts(series.as_materialized_series());
        let cells = series.str().into_iter().flat_map(|cells| cells.iter());
        let part = |cell: Option<&str>| {
            let hash = hash_of(id_of(cell.unwrap_or(""), "Patient"));
            #[expect(clippy::cast_possible_truncation, reason = "below the number of files")]
            let part = (hash % parts as u64) as usize;
            part
        };
        cells.map(part).collect()
    }

    /// The rows of each file, of so many; rows counted from 0.
    pub(super) fn rows_by_part(&self, frame: &DataFrame, parts: usize) -> Vec<Vec<u32>> {
        let mut rows = vec![Vec::new(); parts];
        for (row, part) in (0..).zip(self.parts(frame, parts)) {
            rows[part].push(row);
        }
        rows
    }
}
