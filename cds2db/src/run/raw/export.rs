//! What the patients' searches would bring, asked for at once: a bulk export whose resources lie in the searches' spools, as if
//! they had come from there. Everything behind, from the check of whose a resource is to the watermark, is the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fhir_crack::search::{Export, Exported};

use super::download::Download;
use crate::config::ExportOf;
use crate::run::ask::requests::{Extent, Request};
use crate::run::digest;
use crate::run::kept::batches::Planned;
use crate::{Result, Summary, folder};

/// An export that answers the searches of a run.
pub(crate) struct ByExport {
    of: ExportOf,
    /// The types that are asked for.
    types: BTreeSet<String>,
    /// Changed since then; everything where it is not said.
    since: Option<String>,
    /// What came, once something is to be answered.
    exported: Option<Exported>,
}

impl ByExport {
    /// The export for these requests: on a first load all of them. Later those for what has changed; what is still asked for in
    /// full then, as new patients are, is searched. `None` where it would answer nothing.
    pub(super) fn of(of: &ExportOf, requests: &[Request]) -> Option<Self> {
        let mut since: Option<&str> = None;
        for request in requests {
            if let Extent::Since(Some(moment)) = &request.extent {
                since = Some(since.map_or(moment.as_str(), |first| first.min(moment)));
            }
        }
        let mut this = Self {
            of: of.clone(),
            types: BTreeSet::new(),
            since: since.map(str::to_owned),
            exported: None,
        };
        let answered = requests.iter().filter(|request| this.answers(request));
        this.types = answered.map(|request| request.resource.clone()).collect();
        (!this.types.is_empty()).then_some(this)
    }

    fn answers(&self, request: &Request) -> bool {
        match &request.extent {
            Extent::Since(since) => since.is_some() == self.since.is_some(),
            Extent::Narrowed => false,
        }
    }

    fn export(&self) -> Export {
        let export = match &self.of {
            ExportOf::Patients => Export::patients(),
            ExportOf::Group(id) => Export::group(id),
        };
        let export = export.types(&self.types);
        match &self.since {
            Some(since) => export.since(since.as_str()),
            None => export,
        }
    }

    /// A folder of its own for each question: an interrupted one is gone on with, another one is not mistaken for it.
    fn directory(&self, below: &Path) -> PathBuf {
        let of = match &self.of {
            ExportOf::Patients => "",
            ExportOf::Group(id) => id,
        };
        let types = self.types.iter().map(String::as_str);
        let question = [of, self.since.as_deref().unwrap_or_default()]
            .into_iter()
            .chain(types);
        below.join(format!("{:016x}", digest(question)))
    }
}

impl Download<'_> {
    /// Which of these requests the export answers; their spools have it then. Where it cannot be had, the server is searched.
    pub(super) async fn answer_from_export(
        &mut self,
        requests: &[Request],
        planned: &[Planned],
        summary: &mut Summary,
    ) -> Result<Vec<bool>> {
        let mut answered = vec![false; requests.len()];
        let Some(by_export) = &self.by_export else {
            return Ok(answered);
        };
        let mut open = Vec::new();
        for (at, (request, batch)) in requests.iter().zip(planned).enumerate() {
            // One that an earlier process answered is not answered anew.
            let is_open = || matches!(batch.spool.complete_pages(), Ok(None));
            if by_export.answers(request) && is_open() {
                open.push(at);
            }
        }
        if open.is_empty() {
            return Ok(answered);
        }
        let done = self.fill(&open, requests, planned, summary).await;
        match done {
            Ok(done) => {
                for (at, is_answered) in open.into_iter().zip(done) {
                    answered[at] = is_answered;
                }
            }
            Err(error) => {
                let why = crate::error::chain(&error);
                let text =
                    format!("the bulk export could not be used, and the server was searched instead: {why}");
                summary.remarks.push(text);
                self.end_export().await?;
            }
        }
        Ok(answered)
    }

    async fn fill(
        &mut self,
        open: &[usize],
        requests: &[Request],
        planned: &[Planned],
        summary: &mut Summary,
    ) -> std::result::Result<Vec<bool>, fhir_crack::search::Error> {
        let folder = self.export_folder();
        let client = self.run.client;
        let Some(by_export) = &mut self.by_export else {
            return Ok(vec![false; open.len()]);
        };
        let exported = match by_export.exported.take() {
            Some(exported) => exported,
            None => {
                let exported = client
                    .export(by_export.export(), &by_export.directory(&folder))
                    .run()
                    .await?;
                summary.notes.push(format!(
                    "a bulk export brought {} resources of {} types",
                    exported.resources(),
                    by_export.types.len()
                ));
                exported
            }
        };
        let searches: Vec<_> = open
            .iter()
            .map(|&at| (requests[at].search.clone(), planned[at].spool.clone()))
            .collect();
        let ours = self.run.settings.server.own_bases();
        let done = client.answer_from_export(&exported, &searches, &ours).await?;
        let left: BTreeSet<&str> = open
            .iter()
            .zip(&done)
            .filter(|(_, done)| !**done)
            .map(|(&at, _)| requests[at].resource.as_str())
            .collect();
        for resource in left {
            summary.notes.push(format!(
                "{resource}: the export has some that do not say whose they are; the server was searched for all"
            ));
        }
        by_export.exported = Some(exported);
        Ok(done)
    }

    fn export_folder(&self) -> PathBuf {
        self.directory.layout().root().join("export")
    }

    /// Removes what the export brought: it lies in the spools.
    pub(super) async fn end_export(&mut self) -> Result<()> {
        self.by_export = None;
        folder::remove(&self.export_folder()).await
    }
}
