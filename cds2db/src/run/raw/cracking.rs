//! Pages on their way through the cracker.

use std::sync::Arc;

use fhir_crack::search::{ManyStep, Page, Step};
use fhir_crack::{Cracked, Options, Plan};

use crate::{Error, ErrorKind, Result, Summary};

/// A page that has been cracked, or the end of a search.
pub(super) enum Cracking {
    Page {
        bytes: usize,
        cracked: Box<Cracked>,
    },
    Unreadable {
        search: usize,
        page: u32,
        error: fhir_crack::Error,
    },
    Ended {
        search: usize,
        end: std::result::Result<Step, fhir_crack::search::Error>,
    },
}

pub(super) async fn crack_step(
    step: std::result::Result<ManyStep, fhir_crack::search::Error>,
    plan: Arc<Plan>,
) -> Result<Cracking> {
    let step = step.map_err(|e| Error::new(ErrorKind::Search, "the download broke off").because(e))?;
    match step {
        ManyStep::Page { search, page } => crack_page(search, page, plan).await,
        ManyStep::Ended { search, end } => Ok(Cracking::Ended { search, end }),
        _ => Err(Error::new(ErrorKind::Search, "the download gave an unknown step")),
    }
}

/// Cracks on a worker thread, so that the fetching goes on.
async fn crack_page(search: usize, page: Page, plan: Arc<Plan>) -> Result<Cracking> {
    let (number, bytes) = (page.number, page.bytes.len());
    let work =
        tokio::task::spawn_blocking(move || fhir_crack::crack_with(&page.bytes, &plan, Options::default()));
    // What a panic said is left out, since it may hold a value.
    let cracked = work.await.map_err(|_| {
        Error::new(
            ErrorKind::Crack,
            format!("page {number} of a search: the cracking broke off"),
        )
    })?;
    Ok(match cracked {
        Ok(cracked) => Cracking::Page {
            bytes,
            cracked: Box::new(cracked),
        },
        Err(error) => Cracking::Unreadable {
            search,
            page: number,
            error,
        },
    })
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
