//! Fetching, cracking and storing side by side.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cds_hub::load::{Import, Loaded};
use fhir_crack::search::{Client, Step};
use fhir_crack::{Batch, Cracked, Plan};
use futures_util::{StreamExt, stream};
use table_description::Description;

use super::cracking::{Cracking, count, crack_step};
use super::waiting::{BYTES_WAITING, Waiting};
use crate::error::chain;
use crate::progress::{Progress, Stage};
use crate::run::RunDirectory;
use crate::run::ahead::Ahead;
use crate::run::ask::referenced::References;
use crate::run::ask::requests::Request;
use crate::run::encoding::Encoding;
use crate::run::watches::Watches;
use crate::{Error, ErrorKind, Result, Summary};

/// Cracked pages that wait while rows are stored.
const PAGES_AHEAD: usize = 16;
/// Fetches, cracks and stores; the three overlap.
pub(crate) struct Download<'r> {
    /// Where the pages are kept until the hub has them.
    pub(crate) directory: Option<&'r RunDirectory>,
    pub(crate) description: &'r Description,
    pub(crate) client: &'r Client,
    pub(crate) plan: Arc<Plan>,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) watches: &'r Watches,
    pub(crate) workers: usize,
    /// Rows that wait for their COPY.
    pub(crate) waiting: Waiting,
    /// Rows that are being encoded while others are stored.
    pub(crate) encoding: Option<Encoding>,
    /// What the rows refer to.
    pub(crate) references: References,
    /// Searches that were not answered in full.
    pub(crate) unanswered: Vec<Request>,
    /// Ids by type of resources that are marked as gone.
    pub(crate) marked: HashMap<String, HashSet<String>>,
    /// Which of them came again.
    pub(crate) returned: BTreeMap<String, Vec<String>>,
    pub(crate) crack: fhir_crack::Summary,
}

impl Download<'_> {
    /// Runs the requests side by side and stores what they bring. Returns those that were answered in full; the
    /// others are named in the summary.
    pub(crate) async fn run(
        &mut self,
        requests: Vec<Request>,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<Vec<Request>> {
        let mut complete = vec![false; requests.len()];
        let mut unreadable = vec![false; requests.len()];
        let searches = requests.iter().map(|r| r.search.clone());
        let batches = self.directory.map(RunDirectory::batches);
        let (planned, pages) = match batches {
            Some(batches) => {
                let planned = batches.plan(self.client, self.description, &requests)?;
                let spooled = searches.zip(planned.iter().map(|p| p.spool.clone())).collect();
                (planned, self.client.search_all_spooled(spooled))
            }
            None => (Vec::new(), self.client.search_all(searches.collect())),
        };
        let steps = stream::unfold(pages, |mut pages| async {
            let step = pages.next().await.transpose()?;
            Some((step, pages))
        });
        let plan = Arc::clone(&self.plan);
        let cracked = steps
            .map(move |step| crack_step(step, Arc::clone(&plan)))
            .buffered(self.workers.max(2));
        // In a task of its own: fetching and cracking go on while rows are stored.
        let mut cracked = Ahead::new(cracked, PAGES_AHEAD, ErrorKind::Search, "the download");
        self.watches.download.start();
        while let Some(step) = cracked.next().await? {
            match step? {
                Cracking::Page { bytes, cracked } => {
                    let resources = cracked.summary.entries;
                    self.watches.download.add(resources, bytes as u64);
                    self.progress.advance(Stage::Download, resources, bytes as u64);
                    self.take(*cracked, bytes, import, summary).await?;
                }
                // The other pages are stored all the same; this search keeps its watermark and is asked for again.
                Cracking::Unreadable { search, page, error } => {
                    unreadable[search] = true;
                    summary.incomplete.push(format!(
                        "{}: page {page} cannot be read: {}",
                        requests[search].place(),
                        chain(&error)
                    ));
                }
                Cracking::Ended { search, end } => {
                    let batch = batches.zip(planned.get(search));
                    let why = match end {
                        // Only this proof moves a watermark; a search cut short by a limit of pages has none.
                        Ok(Step::Complete(_)) if unreadable[search] => {
                            if let Some((batches, batch)) = batch {
                                batches.unreadable(batch)?;
                            }
                            continue;
                        }
                        Ok(Step::Complete(proof)) => {
                            complete[search] = true;
                            if let Some((batches, batch)) = batch {
                                batches.finished(batch, proof.pages(), proof.entries())?;
                            }
                            continue;
                        }
                        Ok(_) => "cut short".to_owned(),
                        Err(error) => chain(&error),
                    };
                    summary
                        .incomplete
                        .push(format!("{}: {why}", requests[search].place()));
                    if let Some((batches, batch)) = batch {
                        batches.broke_off(batch)?;
                    }
                }
            }
        }
        self.flush(import, summary).await?;
        self.settle(import, summary).await?;
        let mut answered = Vec::with_capacity(requests.len());
        for (request, complete) in requests.into_iter().zip(complete) {
            if complete {
                answered.push(request);
            } else {
                self.unanswered.push(request);
            }
        }
        Ok(answered)
    }

    async fn take(
        &mut self,
        cracked: Cracked,
        bytes: usize,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        count(&cracked.summary, summary);
        self.crack.add(&cracked.summary);
        for batch in cracked.batches.into_iter().filter(|b| b.rows() > 0) {
            self.references.collect(&batch);
            self.notice_returned(&batch);
            if let Some(batches) = self.waiting.add(batch, bytes) {
                self.store_behind(batches, import, summary).await?;
            }
        }
        if self.waiting.bytes >= BYTES_WAITING {
            self.flush(import, summary).await?;
        }
        Ok(())
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

    async fn flush(&mut self, import: &mut Import<'_>, summary: &mut Summary) -> Result<()> {
        for batches in self.waiting.take_all() {
            self.store_behind(batches, import, summary).await?;
        }
        Ok(())
    }

    /// Encodes raw rows of one table on another thread, and meanwhile writes those that were encoded before;
    /// [`Download::settle`] writes the last ones.
    async fn store_behind(
        &mut self,
        batches: Vec<Batch>,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        self.watches.store.start();
        let before = self.encoding.replace(Encoding::of_raw(batches));
        self.store_encoded(before, import, summary).await
    }

    async fn settle(&mut self, import: &mut Import<'_>, summary: &mut Summary) -> Result<()> {
        let last = self.encoding.take();
        self.store_encoded(last, import, summary).await
    }

    async fn store_encoded(
        &self,
        encoding: Option<Encoding>,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let Some(encoding) = encoding else {
            return Ok(());
        };
        let (name, encoded) = encoding.done().await?;
        let loaded = import
            .store(&encoded)
            .await
            .map_err(|e| Error::new(ErrorKind::Hub, format!("writing raw rows of {name}")).because(e))?;
        self.stored(&name, encoded.rows() as u64, loaded, summary);
        Ok(())
    }

    fn stored(&self, name: &str, rows: u64, loaded: Loaded, summary: &mut Summary) {
        let table = summary.table(name);
        table.raw_new += loaded.new;
        table.raw_seen += loaded.seen;
        table.quarantined += loaded.quarantined;
        self.watches.store.add(rows, 0);
        self.progress.advance(Stage::Store, rows, 0);
    }

    /// Writes raw rows of one table into the import at once.
    pub(crate) async fn store(
        &self,
        batches: &[Batch],
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let Some(first) = batches.first() else {
            return Ok(());
        };
        let name = first.table().name.clone();
        self.watches.store.start();
        let rows: usize = batches.iter().map(Batch::rows).sum();
        let loaded = import
            .raw(batches)
            .await
            .map_err(|e| Error::new(ErrorKind::Hub, format!("writing raw rows of {name}")).because(e))?;
        self.stored(&name, rows as u64, loaded, summary);
        Ok(())
    }
}
