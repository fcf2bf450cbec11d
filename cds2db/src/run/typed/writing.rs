//! Files of typed rows, several at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use polars::prelude::DataFrame;
use table_description::TableDescription;
use tokio::task::JoinHandle;
use work_dir::{FinalSignals, Written};

use crate::run::RunDirectory;
use crate::{Error, ErrorKind, Result};

/// Files of batches that are being written on worker threads.
pub(super) struct Writing<'d> {
    directory: &'d RunDirectory,
    signals: Arc<FinalSignals>,
    /// In the order they were begun.
    begun: VecDeque<(Arc<TableDescription>, u32, JoinHandle<Result<Written>>)>,
}

impl<'d> Writing<'d> {
    pub(super) fn new(directory: &'d RunDirectory, signals: Arc<FinalSignals>) -> Self {
        let begun = VecDeque::new();
        Self {
            directory,
            signals,
            begun,
        }
    }

    /// Begins to write the files of a batch; waits where enough are being written.
    pub(super) async fn put(
        &mut self,
        table: &Arc<TableDescription>,
        number: u32,
        rows: impl FnOnce() -> Result<Vec<DataFrame>> + Send + 'static,
    ) -> Result<()> {
        while self.begun.len() >= self.directory.files_at_once() {
            self.end_first().await?;
        }
        let (signals, of) = (Arc::clone(&self.signals), Arc::clone(table));
        let work =
            tokio::task::spawn_blocking(move || signals.write(&of, number, rows()?).map_err(Self::failed));
        self.begun.push_back((Arc::clone(table), number, work));
        Ok(())
    }

    async fn end_first(&mut self) -> Result<()> {
        let Some((table, number, work)) = self.begun.pop_front() else {
            return Ok(());
        };
        let place = format!("the typed rows of batch {number} of {}", table.name);
        let written = work.await.map_err(|_| Error::new(ErrorKind::File, place))??;
        let text = format!("written: {} rows", written.rows);
        self.directory.batches().note(&table.name, Some(number), text)
    }

    /// Waits until all files are on the disk.
    pub(super) async fn end(mut self) -> Result<()> {
        while !self.begun.is_empty() {
            self.end_first().await?;
        }
        let work = tokio::task::spawn_blocking(move || self.signals.settle().map_err(Self::failed));
        let failed = || Error::new(ErrorKind::File, "the typed rows of the run");
        work.await.map_err(|_| failed())?
    }

    pub(super) fn failed(error: work_dir::Error) -> Error {
        Error::new(ErrorKind::File, "the typed rows of the run").because(error)
    }
}
