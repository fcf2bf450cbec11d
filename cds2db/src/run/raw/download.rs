//! Fetching, cracking, typing and encoding side by side. The hub is not held meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use fhir_crack::Rejected;
use fhir_crack::search::{self, ManyStep};
use futures_util::{StreamExt, stream};
use table_description::TableDescription;

use super::breaker::Breaker;
use super::cracking::{Cracker, Cracking, count};
use super::export::ByExport;
use super::lists::{Ended, Lists};
use super::room::{DiskRoom, PageRoom};
use super::told::Told;
use super::waiting::Waiting;
use crate::progress::Stage;
use crate::run::ahead::Ahead;
use crate::run::ask::answered::Answered;
use crate::run::ask::referenced::References;
use crate::run::ask::requests::Request;
use crate::run::encoding::Encoding;
use crate::run::kept::batches::Planned;
use crate::run::kept::hub_rows::HubRows;
use crate::run::typed::files::Files;
use crate::run::typed::shaping::Shaped;
use crate::run::typed::typing::Typing;
use crate::run::watches::Watches;
use crate::run::{Run, RunDirectory};
use crate::summary::Incomplete;
use crate::{ErrorKind, Result, Summary};

/// Cracked pages that wait while rows are filled and encoded.
const PAGES_AHEAD: usize = 8;

/// What arrives and what becomes of it.
pub(crate) struct Download<'r> {
    pub(crate) run: &'r Run<'r>,
    /// Where pages and rows are kept until the hub has them.
    pub(crate) directory: &'r RunDirectory,
    pub(super) cracker: Cracker,
    pub(crate) watches: &'r Watches,
    pub(crate) rows: Arc<HubRows>,
    pub(crate) files: Files<'r>,
    pub(crate) typing: Typing<'r>,
    /// Rows that wait to be encoded.
    pub(crate) waiting: Waiting,
    /// Rows that are being encoded.
    pub(crate) encoding: Option<Encoding>,
    /// Rows with references to encounters that came while those were still gathered: batch, rows, bytes.
    pub(crate) too_early: Vec<(Option<u32>, Shaped, usize)>,
    /// What the rows refer to.
    pub(crate) references: References,
    /// Searches that were not answered in full.
    pub(crate) unanswered: Vec<Request>,
    /// Ids by type of resources that are marked as gone.
    pub(crate) marked: HashMap<String, HashSet<String>>,
    /// Which of them came again.
    pub(crate) returned: BTreeMap<String, Vec<String>>,
    pub(crate) crack: fhir_crack::Summary,
    pub(crate) breaker: Breaker,
    pub(super) room: PageRoom,
    pub(crate) disk: DiskRoom,
    pub(crate) lists: Lists,
    /// What the answers said beside their resources.
    pub(crate) told: Told,
    /// What answers the searches in the server's place.
    pub(crate) by_export: Option<ByExport>,
    /// Ids of the patients that came.
    pub(crate) came: HashSet<Box<str>>,
}

/// What may be done about a total that is not reached.
const TOTAL_KEY: &str = "; where the server's totals are known to be wrong: FHIR_TOTAL_IS_RIGHT = false";
/// What may be done about a page that is too large.
const MEMORY_KEY: &str =
    "; a page may have an eighth of MAX_MEMORY_MIB, and COUNT_PER_BUNDLE makes pages smaller";
/// Why parts of pages are no rows.
const UNREAD: &str = "cannot be read: kept in the run's directory, under unread";
/// Why resources that a server sent beside those asked for are left out.
const UNASKED: &str = "of a patient or id that was not asked for";

impl Download<'_> {
    /// Runs the requests and keeps what they bring; what a list left out is asked for once more. Returns those that were
    /// answered in full; the others are named in the summary.
    pub(crate) async fn run(
        &mut self,
        requests: Vec<Request>,
        summary: &mut Summary,
    ) -> Result<Vec<Answered>> {
        let ended = self.once(requests, summary).await?;
        let client = self.run.client;
        let (mut answered, again) = self.lists.divide(client, ended, summary).await;
        if !again.is_empty() {
            let ended = self.once(again, summary).await?;
            let one_by_one = ended.into_iter();
            answered.extend(one_by_one.map(|one| Answered::new(one.request, &one.proof)));
        }
        Ok(answered)
    }

    /// Runs the requests side by side and keeps what they bring.
    async fn once(&mut self, requests: Vec<Request>, summary: &mut Summary) -> Result<Vec<Ended>> {
        let mut left: Vec<Option<Request>> = requests.iter().cloned().map(Some).collect();
        let mut unreadable = vec![false; requests.len()];
        let mut unread = vec![false; requests.len()];
        let mut came: Vec<HashSet<Arc<str>>> = vec![HashSet::new(); requests.len()];
        let (client, batches) = (self.run.client, self.directory.batches());
        let planned = batches.plan(client, self.run.description, &requests)?;
        let exported = self.answer_from_export(&requests, &planned, summary).await?;
        let searches = requests.iter().map(|r| r.search.clone());
        let spooled = searches.zip(planned.iter().map(|p| p.spool.clone())).collect();
        let room = self.room.clone();
        let steps = stream::unfold(
            (client.search_all_spooled(spooled), room),
            |(mut pages, room)| async {
                let step = pages.next().await.transpose()?;
                let taken = match &step {
                    Ok(ManyStep::Page { page, .. }) => room.take(page.bytes.len()).await,
                    _ => None,
                };
                Some(((step, taken), (pages, room)))
            },
        );
        let cracker = self.cracker.clone();
        // A server that ignores a parameter answers with everybody's resources.
        let asked: Arc<[_]> = requests.iter().map(|r| r.search.asked()).collect();
        let cracked = steps
            .map(move |(step, room)| cracker.clone().step(step, Arc::clone(&asked), room))
            .buffered(self.run.settings.workers().max(2));
        // In a task of its own: fetching and cracking go on while rows are filled and written.
        let mut cracked = Ahead::new(cracked, PAGES_AHEAD, ErrorKind::Search, "the download");
        let mut ended = Vec::new();
        self.watches.download.start();
        while !self.breaker.is_open()
            && let Some(step) = cracked.next().await?
        {
            match step? {
                Cracking::Page {
                    search,
                    page: number,
                    bytes,
                    shaped,
                    summary: page,
                    rejected,
                    unasked,
                    seen,
                    room,
                } => {
                    self.disk.came(bytes as u64, self.directory.layout().root())?;
                    came[search].extend(seen);
                    for (table, count) in unasked {
                        let left_out = &mut summary.table(&table).left_out;
                        *left_out.entry(UNASKED.to_owned()).or_default() += count;
                    }
                    self.breaker.answered();
                    let resources = page.entries;
                    // What cannot be read is kept as it is and asked for again; everything else on the page is stored.
                    unread[search] |= !rejected.is_empty();
                    self.set_aside(&rejected, &planned[search], number, summary)?;
                    self.watches.download.add(resources, bytes as u64);
                    self.run
                        .progress
                        .advance(Stage::Download, resources, bytes as u64);
                    count(&page, summary);
                    self.crack.add(&page);
                    self.take(&planned[search], shaped, bytes, summary).await?;
                    drop(room);
                }
                // The other pages are kept all the same; this search keeps its watermark and is asked for again.
                Cracking::Unreadable { search, page, error } => {
                    unreadable[search] = true;
                    let cause = format!("page {page} cannot be read: {}", crate::error::chain(&error));
                    summary.incomplete.push(requests[search].incomplete(cause));
                }
                Cracking::Ended { search, end } => {
                    let batch = &planned[search];
                    let why = match end {
                        Ok(Some(_)) if unreadable[search] => {
                            batches.unreadable(batch)?;
                            self.broke_off(batch).await?;
                            continue;
                        }
                        // Only this proof moves a watermark; a search cut short by a limit of pages has none.
                        Ok(Some(proof)) => {
                            self.breaker.answered();
                            if let Some(table) = self.table(batch) {
                                self.files.finished(&table, batch.number).await?;
                            }
                            batches.finished(batch, proof.pages(), proof.entries())?;
                            self.told.hear(&requests[search].resource, &proof);
                            // One of which something cannot be read keeps its watermark.
                            if !unread[search] {
                                let seen = std::mem::take(&mut came[search]);
                                ended.extend(left[search].take().map(|request| Ended {
                                    request,
                                    proof,
                                    seen,
                                    is_list: !exported[search],
                                }));
                            }
                            continue;
                        }
                        Ok(None) => "cut short".to_owned(),
                        Err(error) => {
                            self.breaker.failed();
                            let hint = match error.kind() {
                                search::ErrorKind::TooFew { .. } => TOTAL_KEY,
                                search::ErrorKind::TooLarge => MEMORY_KEY,
                                _ => "",
                            };
                            crate::error::chain(&error) + hint
                        }
                    };
                    summary.incomplete.push(requests[search].incomplete(why));
                    self.broke_off(batch).await?;
                    batches.broke_off(batch)?;
                }
            }
        }
        drop(cracked);
        let unanswered: Vec<Request> = left.into_iter().flatten().collect();
        if self.breaker.is_open() {
            self.not_asked(&unanswered, &planned, summary).await?;
        }
        self.unanswered.extend(unanswered);
        Ok(ended)
    }

    /// Keeps parts of a page that cannot be read.
    fn set_aside(
        &self,
        rejected: &[Rejected],
        planned: &Planned,
        page: u32,
        summary: &mut Summary,
    ) -> Result<()> {
        for part in rejected {
            let table = part
                .resource()
                .and_then(|name| self.run.description.resource(name));
            let table = table.map(|table| table.name.as_str());
            let unread = self.directory.unread();
            if unread.keep(part, table, planned.number, page)? {
                let counters = summary.table(table.unwrap_or(&planned.table));
                counters.downloaded += 1;
                *counters.left_out.entry(UNREAD.to_owned()).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Names the searches that were given up, once a type.
    async fn not_asked(
        &mut self,
        unanswered: &[Request],
        planned: &[Planned],
        summary: &mut Summary,
    ) -> Result<()> {
        let types: BTreeMap<&str, usize> = unanswered.iter().fold(BTreeMap::new(), |mut types, request| {
            *types.entry(request.resource.as_str()).or_default() += 1;
            types
        });
        for (resource, searches) in types {
            let cause = format!("{searches} searches {}", self.breaker.reason());
            summary.incomplete.push(Incomplete::of(resource, cause));
        }
        for batch in planned {
            let of_batch = |request: &&Request| {
                let table = self.run.description.resource(&request.resource);
                table.is_some_and(|table| table.name == batch.table)
            };
            if unanswered.iter().any(|request| of_batch(&request))
                && !self.directory.batches().is_finished(batch)
            {
                self.broke_off(batch).await?;
                self.directory.batches().broke_off(batch)?;
            }
        }
        Ok(())
    }

    fn table(&self, batch: &Planned) -> Option<Arc<TableDescription>> {
        self.run.description.table(&batch.table).cloned()
    }

    async fn broke_off(&mut self, batch: &Planned) -> Result<()> {
        match self.table(batch) {
            Some(table) => self.files.broke_off(&table, batch.number).await,
            None => Ok(()),
        }
    }
}
