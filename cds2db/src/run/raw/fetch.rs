//! Everything that a run asks for arrives and lies on the disk, cracked, typed and encoded; the hub is read, not held.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use fhir_crack::Plan;
use jiff::tz::TimeZone;
use table_description::typing::Zone;

use super::breaker::Breaker;
use super::census::{Census, Gone};
use super::cracking::Cracker;
use super::download::Download;
use super::export::ByExport;
use super::lists::Lists;
use super::room::{DiskRoom, PageRoom};
use super::told::Told;
use super::waiting::Waiting;
use crate::error::hub_error;
use crate::progress::Stage;
use crate::run::ask::answered::Answered;
use crate::run::ask::referenced::References;
use crate::run::ask::requests::Request;
use crate::run::kept::hub_rows::HubRows;
use crate::run::typed::PIDS_PER_WARD;
use crate::run::typed::files::Files;
use crate::run::typed::gate::Gate;
use crate::run::typed::shaping::Shaping;
use crate::run::typed::tables::ENCOUNTER;
use crate::run::typed::typing::Typing;
use crate::run::typed::waited::Waited;
use crate::run::watches::Watches;
use crate::run::who::Who;
use crate::run::{Run, RunDirectory, Scope};
use crate::{Error, ErrorKind, Result, Summary};

/// What has arrived, tested, and what the hub is to be told with it.
pub(crate) struct Fetched<'r> {
    pub(crate) rows: Arc<HubRows>,
    pub(crate) typing: Typing<'r>,
    pub(crate) waited: Waited,
    pub(crate) gate: Gate,
    pub(crate) answered: Vec<Answered>,
    pub(crate) unanswered: Vec<Request>,
    /// Ids by type of resources that were gone and came again.
    pub(crate) returned: BTreeMap<String, Vec<String>>,
    pub(crate) gone: Gone,
}

impl Run<'_> {
    /// Downloads, types, writes and tests.
    pub(in crate::run) async fn fetch<'r>(
        &'r self,
        who: &Who,
        zone: &TimeZone,
        watches: &'r Watches,
        directory: &'r RunDirectory,
        summary: &mut Summary,
    ) -> Result<Fetched<'r>> {
        let shaping = Arc::new(Shaping::new(self.description, Zone::berlin()));
        let mut download = self.download(watches, directory, &shaping).await?;
        download.disk.came(0, directory.layout().root())?;
        for stage in [Stage::Download, Stage::Type] {
            self.progress.begin(stage, None);
        }
        let to_come = self.hub.watermarks_to_come().await;
        let to_come = to_come.map_err(|e| hub_error("counting watermarks that are to come", e))?;
        if to_come > 0 {
            summary.remarks.push(format!(
                "{to_come} watermarks lie in the future; they count as unknown, and all of theirs is asked for"
            ));
        }
        let requests = self.requests(&who.patients, zone, directory).await?;
        let exports = self.settings.server.export.as_ref();
        download.by_export = exports.and_then(|of| ByExport::of(of, &requests));
        // Encounters come first: references of the other rows follow from them.
        let encounter = self
            .description
            .table(ENCOUNTER)
            .and_then(|table| table.resource.clone());
        let (first, others): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .partition(|request| Some(&request.resource) == encounter.as_ref());
        download.typing.gather_encounters(&shaping).await?;
        let mut answered = download.run(first, summary).await?;
        download.know_encounters(summary).await?;
        answered.extend(download.run(others, summary).await?);
        download.end_export().await?;
        if !matches!(self.scope, Scope::Everything) {
            download.miss(&who.patients, summary);
        }
        self.add_unanswered_references(zone, &mut download.references)
            .await?;
        loop {
            let open = download.references.take();
            if open.is_empty() {
                break;
            }
            self.stored_references(&open, &mut download.references).await?;
            let further = self.referenced(open, zone, directory).await?;
            answered.extend(download.run(further, summary).await?);
        }
        if let Some(batch) = self.ward_rows(who, directory) {
            summary.table(PIDS_PER_WARD).downloaded += batch.rows() as u64;
            let table = Arc::clone(batch.table());
            download
                .take_rows(Some(0), shaping.shape(batch), 0, summary)
                .await?;
            if !download.typing.stays_raw(&table) {
                download.files.finished(&table, 0).await?;
            }
        }
        download.flush().await?;
        download.settle().await?;
        summary.remarks.extend(directory.unread().remark());
        download
            .told
            .tell(self.settings, who.loaded_until, &answered, summary);
        if download.crack.no_type > 0 {
            let count = download.crack.no_type;
            summary.remarks.push(format!(
                "{count} resources came without a type: no table takes them"
            ));
        }
        summary.notes.extend(left_over(&download.crack));
        summary.notes.extend(directory.batches().fetched()?);
        self.progress.end(Stage::Download);
        self.test(download, &shaping, answered, who, zone, summary).await
    }

    async fn download<'r>(
        &'r self,
        watches: &'r Watches,
        directory: &'r RunDirectory,
        shaping: &Arc<Shaping>,
    ) -> Result<Download<'r>> {
        let plan = Plan::new(self.description).map_err(|e| {
            let text = "a path of the table description cannot be followed";
            Error::new(ErrorKind::Description, text).because(e)
        })?;
        let marked = self.hub.deleted().await;
        let rows = Arc::new(HubRows::begin(directory.layout())?);
        let further = self
            .description
            .tables
            .iter()
            .filter(|t| directory.batches().is_open(&t.name));
        for table in further {
            directory.batches().remove_further(&table.name)?;
        }
        Ok(Download {
            run: self,
            directory,
            cracker: Cracker {
                plan: Arc::new(plan),
                shaping: Arc::clone(shaping),
                keep_unasked: self.settings.server.keep_unasked,
            },
            watches,
            rows,
            files: Files::begin(self, directory)?,
            typing: Typing::new(self.settings, self.hub, self.description),
            waiting: Waiting::default(),
            encoding: None,
            too_early: Vec::new(),
            references: References::default(),
            unanswered: Vec::new(),
            marked: marked.map_err(|e| hub_error("reading which resources are gone", e))?,
            returned: BTreeMap::new(),
            crack: fhir_crack::Summary::default(),
            breaker: Breaker::default(),
            room: PageRoom::of(self.settings.memory().pages),
            disk: DiskRoom::new(self.settings.min_free_bytes),
            lists: Lists::default(),
            told: Told::new(self.settings.server.own_bases()),
            by_export: None,
            came: HashSet::new(),
        })
    }

    /// Completes the files, tests what is in them, and asks what is gone from the server.
    async fn test<'r>(
        &'r self,
        download: Download<'r>,
        shaping: &Arc<Shaping>,
        answered: Vec<Answered>,
        who: &Who,
        zone: &TimeZone,
        summary: &mut Summary,
    ) -> Result<Fetched<'r>> {
        let Download {
            directory,
            rows,
            files,
            mut typing,
            unanswered,
            returned,
            ..
        } = download;
        files.end(&typing.encounters.graph).await?;
        let waited = Waited::write(self, directory, &rows, shaping, &mut typing, summary).await?;
        let gate = Gate::pass(self, directory, &waited, summary).await?;
        self.progress.end(Stage::Type);
        let census = Census {
            settings: self.settings,
            description: self.description,
            client: self.client,
            hub: self.hub,
            zone,
            directory: rows.dir(),
        };
        let gone = census.run(&who.patients).await?;
        Ok(Fetched {
            rows,
            typing,
            waited,
            gate,
            answered,
            unanswered,
            returned,
            gone,
        })
    }
}

/// What the pages held that no table takes.
fn left_over(crack: &fhir_crack::Summary) -> Vec<String> {
    let others = crack
        .other_types
        .iter()
        .map(|(name, count)| format!("{count} {name} came along that no table takes"));
    let counts = [
        (crack.no_resource, "entries without a resource"),
        (crack.outcomes, "OperationOutcomes"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    others
        .chain(counts.map(|(count, what)| format!("{count} {what} came along")))
        .collect()
}
