use std::fmt;
use std::sync::Arc;

use fhir_crack::Batch;
use table_description::TableDescription;
use table_description::typing::Zone;

use super::defect_file::DefectFile;
use super::output::{Output, Typing};
use super::{FlattenedTable, Open};
use crate::MeltOptions;
use crate::error::Error;
use crate::write::Format;

/// Melts and writes batches of one table, such as raw rows read back from a file or a hub, to the files [`super::Flatten`]
/// writes: the table, its child tables, resources above the row limit as raw rows, and defects.
///
/// The rows of a table equal the reference's if `melt` knows what repeats in all its batches:
/// [`crate::Repeats::observe`] each of them first.
pub struct TableFiles {
    output: Output,
    open: Open,
    defects: DefectFile,
}

impl TableFiles {
    /// Opens the output of the table. With a zone the values are typed, and with `precision` a column behind each date says
    /// how much of it was given.
    ///
    /// # Errors
    /// If an output cannot be opened.
    pub fn new(
        table: &Arc<TableDescription>,
        melt: &MeltOptions,
        format: Format,
        zone: Option<Zone>,
        precision: bool,
        mut open: Open,
    ) -> Result<Self, Error> {
        let output = Output::new(table, melt, format, Typing::of(zone, precision), &mut open)?;
        Ok(Self {
            output,
            open,
            defects: DefectFile::default(),
        })
    }

    /// Melts and writes a batch.
    ///
    /// # Errors
    /// If an output cannot be opened or written.
    pub fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        let defects = self.output.write(batch, &mut self.open)?;
        self.defects.write(&defects, &mut self.open)
    }

    /// Completes the outputs: what was written, child tables behind their table, and how many defects there are.
    ///
    /// # Errors
    /// If an output cannot be written.
    pub fn finish(self) -> Result<(Vec<FlattenedTable>, u64), Error> {
        let mut tables = Vec::new();
        self.output.finish(&mut tables)?;
        Ok((tables, self.defects.finish()?))
    }
}

impl fmt::Debug for TableFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFiles")
            .field("table", &self.output.table().name)
            .finish_non_exhaustive()
    }
}
