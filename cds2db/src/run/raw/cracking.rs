//! Pages on their way through the cracker: each is cracked, melted and typed once, on a worker thread.

use std::collections::HashSet;
use std::sync::Arc;

use fhir_crack::search::{Asked, Complete, ManyStep, Page, Step};
use fhir_crack::{Options, Plan, Rejected};

use super::room::Taken;
use crate::run::typed::shaping::{Shaped, Shaping};
use crate::{Error, ErrorKind, Result, Summary};

/// A page that has been cracked, or the end of a search.
pub(super) enum Cracking {
    Page {
        search: usize,
        page: u32,
        bytes: usize,
        shaped: Vec<Shaped>,
        summary: Box<fhir_crack::Summary>,
        /// What of the page could not be read.
        rejected: Vec<Rejected>,
        /// Tables with resources that nobody had asked for, and how many.
        unasked: Vec<(String, u64)>,
        /// Which of the ids asked for it has something of.
        seen: HashSet<Arc<str>>,
        /// Memory that it takes.
        room: Option<Taken>,
    },
    Unreadable {
        search: usize,
        page: u32,
        error: fhir_crack::Error,
    },
    Ended {
        search: usize,
        end: std::result::Result<Option<Complete>, fhir_crack::search::Error>,
    },
}

/// What becomes of every page.
#[derive(Clone, Debug)]
pub(super) struct Cracker {
    pub(super) plan: Arc<Plan>,
    pub(super) shaping: Arc<Shaping>,
    /// Store resources of patients and ids that were not asked for.
    pub(super) keep_unasked: bool,
}

impl Cracker {
    pub(super) async fn step(
        self,
        step: std::result::Result<ManyStep, fhir_crack::search::Error>,
        asked: Arc<[Option<Asked>]>,
        room: Option<Taken>,
    ) -> Result<Cracking> {
        let step = step.map_err(|e| Error::new(ErrorKind::Search, "the download broke off").because(e))?;
        match step {
            ManyStep::Page { search, page } => self.page(search, page, asked, room).await,
            ManyStep::Ended { search, end } => {
                let end = end.map(|step| match step {
                    Step::Complete(proof) => Some(proof),
                    _ => None,
                });
                Ok(Cracking::Ended { search, end })
            }
            _ => Err(Error::new(ErrorKind::Search, "the download gave an unknown step")),
        }
    }

    /// Works on another thread, so that the fetching goes on.
    async fn page(
        self,
        search: usize,
        page: Page,
        asked: Arc<[Option<Asked>]>,
        room: Option<Taken>,
    ) -> Result<Cracking> {
        let (number, bytes) = (page.number, page.bytes.len());
        let work = tokio::task::spawn_blocking(move || {
            let mut cracked = fhir_crack::crack_with(&page.bytes, &self.plan, Options::default())?;
            let (mut unasked, mut seen) = (Vec::new(), HashSet::new());
            if let Some(asked) = asked.get(search).and_then(Option::as_ref) {
                for batch in &mut cracked.batches {
                    let left_out = match self.keep_unasked {
                        true => asked.look(batch, &mut seen),
                        false => asked.keep(batch, &mut seen),
                    };
                    if left_out > 0 {
                        unasked.push((batch.table().name.clone(), left_out));
                    }
                }
            }
            let batches = cracked.batches.into_iter().filter(|batch| batch.rows() > 0);
            let shaped = batches.map(|batch| self.shaping.shape(batch)).collect();
            let summary = Box::new(cracked.summary);
            Ok((shaped, summary, cracked.rejected, unasked, seen))
        });
        // What a panic said is left out, since it may hold a value.
        let cracked = work.await.map_err(|_| {
            let text = format!("page {number} of a search: the cracking broke off");
            Error::new(ErrorKind::Crack, text)
        })?;
        Ok(match cracked {
            Ok((shaped, summary, rejected, unasked, seen)) => Cracking::Page {
                search,
                page: number,
                bytes,
                shaped,
                summary,
                rejected,
                unasked,
                seen,
                room,
            },
            Err(error) => Cracking::Unreadable {
                search,
                page: number,
                error,
            },
        })
    }
}

/// Adds what a page held to the run's summary, so that every resource is counted.
pub(super) fn count(page: &fhir_crack::Summary, summary: &mut Summary) {
    for t in page.tables.iter().filter(|t| t.resources > 0) {
        let table = summary.table(&t.table);
        table.downloaded += t.resources;
        for (reason, count) in [
            ("no described element has a value", t.no_value),
            ("twice on one page", t.duplicates),
        ] {
            if count > 0 {
                *table.left_out.entry(reason.to_owned()).or_default() += count;
            }
        }
    }
}
