//! Rows that came, on their way from a page to the run's files: what they tell is noticed, what is missing in them filled,
//! and they wait to be encoded.

use std::sync::Arc;

use fhir_crack::Batch;
use table_description::Column;

use super::download::Download;
use super::waiting::{BYTES_WAITING, Ready};
use crate::progress::Stage;
use crate::run::encoding::Encoding;
use crate::run::kept::batches::Planned;
use crate::run::typed::shaping::Shaped;
use crate::run::typed::tables::ENCOUNTER;
use crate::{Result, Summary};

/// The type that everybody asked for has a resource of.
const PATIENT: &str = "Patient";

impl Download<'_> {
    /// Takes the rows of a page of this batch.
    pub(super) async fn take(
        &mut self,
        planned: &Planned,
        shaped: Vec<Shaped>,
        bytes: usize,
        summary: &mut Summary,
    ) -> Result<()> {
        for shaped in shaped {
            let is_own = shaped.batch.table().name == planned.table;
            self.take_rows(is_own.then_some(planned.number), shaped, bytes, summary)
                .await?;
        }
        if self.waiting.bytes >= BYTES_WAITING {
            self.flush().await?;
        }
        Ok(())
    }

    /// Takes rows of one table; `batch` is the number of the batch they are of.
    pub(crate) async fn take_rows(
        &mut self,
        batch: Option<u32>,
        mut shaped: Shaped,
        bytes: usize,
        summary: &mut Summary,
    ) -> Result<()> {
        let table = Arc::clone(shaped.batch.table());
        if table.name == ENCOUNTER {
            shaped
                .typed
                .iter()
                .for_each(|typed| self.typing.add_encounters(&table, typed));
        } else if self.typing.is_gathering() && table.columns.iter().any(Column::is_calculated) {
            self.too_early.push((batch, shaped, bytes));
            return Ok(());
        }
        if table.resource.as_deref() == Some(PATIENT)
            && let Some(id) = table.position_of_path("id")
        {
            self.came
                .extend(shaped.batch.entries(id).map(|(_, entry)| entry.text.into()));
        }
        self.told.look(&shaped.batch);
        self.references.collect(&shaped.batch);
        self.notice_returned(&shaped.batch);
        if shaped.aligned() > 0 {
            let text = format!(
                "{}: {} resources would be too many rows; their lists stand side by side",
                table.name,
                shaped.aligned()
            );
            summary.remarks.push(text);
        }
        if self.typing.stays_raw(&table) {
            shaped.typed.clear();
            shaped.defects.clear();
        }
        for typed in &mut shaped.typed {
            self.typing.fill_references(&table, typed).await?;
        }
        self.watches.typed.start();
        self.watches.typed.add(shaped.rows() as u64, 0);
        let resources = shaped.batch.rows() as u64;
        self.run.progress.advance(Stage::Type, resources, 0);
        let typed: Vec<_> = shaped.typed.into_iter().map(Arc::new).collect();
        if !self.typing.stays_raw(&table) {
            self.files.add(&table, batch, &typed).await?;
        }
        let ready = Ready {
            batch: shaped.batch,
            typed,
            defects: shaped.defects,
        };
        match self.waiting.add(ready, bytes) {
            Some(full) => self.encode(full).await,
            None => Ok(()),
        }
    }

    /// All encounters have come: works out what follows from them, and takes the rows that came too early.
    pub(crate) async fn know_encounters(&mut self, summary: &mut Summary) -> Result<()> {
        let resource = self
            .run
            .description
            .table(ENCOUNTER)
            .and_then(|table| table.resource.as_deref());
        let missing = summary
            .incomplete
            .iter()
            .any(|line| Some(line.resource.as_str()) == resource);
        self.typing.decide(missing, summary);
        if self
            .run
            .description
            .table(ENCOUNTER)
            .is_some_and(|table| self.typing.stays_raw(table))
        {
            self.files.leave_out(ENCOUNTER);
        }
        self.typing.know_encounters(summary).await?;
        for (batch, shaped, bytes) in std::mem::take(&mut self.too_early) {
            self.take_rows(batch, shaped, bytes, summary).await?;
        }
        Ok(())
    }

    /// Says how many of the patients asked for did not come although every search for them was answered.
    pub(crate) fn miss(&self, patients: &[String], summary: &mut Summary) {
        let table = self.run.description.resource(PATIENT);
        let asked = table.is_some_and(|table| self.directory.batches().is_open(&table.name));
        let broken = summary.incomplete.iter().any(|line| line.resource == PATIENT);
        let missing = patients
            .iter()
            .filter(|id| !self.came.contains(id.as_str()))
            .count();
        if asked && !broken && missing > 0 {
            let all = patients.len();
            summary.remarks.push(format!(
                "{missing} of {all} patients asked for did not come from the server"
            ));
        }
    }

    fn notice_returned(&mut self, batch: &Batch) {
        let Some(resource) = &batch.table().resource else {
            return;
        };
        let (Some(marked), Some(id)) = (self.marked.get(resource), batch.table().position_of_path("id"))
        else {
            return;
        };
        let ids = batch.entries(id).map(|(_, entry)| entry.text);
        let again: Vec<String> = ids.filter(|id| marked.contains(*id)).map(str::to_owned).collect();
        if !again.is_empty() {
            self.returned.entry(resource.clone()).or_default().extend(again);
        }
    }

    /// Encodes everything that waits.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        let all: Vec<Vec<Ready>> = self.waiting.take_all().collect();
        for ready in all {
            self.encode(ready).await?;
        }
        Ok(())
    }

    /// Encodes rows of one table on another thread; [`Download::settle`] waits for the last ones.
    async fn encode(&mut self, ready: Vec<Ready>) -> Result<()> {
        self.settle().await?;
        self.encoding = Some(Encoding::of(ready, Arc::clone(&self.rows)));
        Ok(())
    }

    /// Waits for rows that are being encoded.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        match self.encoding.take() {
            Some(encoding) => encoding.done().await,
            None => Ok(()),
        }
    }
}
