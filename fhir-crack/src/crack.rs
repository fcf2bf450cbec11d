use std::sync::Arc;

use table_description::Description;

use crate::batch::Batch;
use crate::decoder::Decoder;
use crate::duplicates::Seen;
use crate::error::Error;
use crate::meta::BundleMeta;
use crate::options::{Duplicates, Options};
use crate::plan::Plan;
use crate::rejected::Rejected;
use crate::summary::Summary;

/// The rows of a page.
#[derive(Debug)]
pub struct Cracked {
    /// One batch a table, in the order of the description; a table nothing was found for has one without rows.
    pub batches: Vec<Batch>,
    /// What became of the resources.
    pub summary: Summary,
    /// What the page says about itself besides its resources.
    pub meta: BundleMeta,
    /// What of the page could not be read; everything else is in the batches.
    pub rejected: Vec<Rejected>,
}

/// Cracks a whole page, a Bundle or resource in XML or JSON or a file with one resource a line, plain or compressed.
///
/// # Errors
/// If a path of the description cannot be followed, or the page is not well-formed or passes a limit.
pub fn crack(bytes: &[u8], description: &Description) -> Result<Cracked, Error> {
    crack_with(bytes, &Arc::new(Plan::new(description)?), Options::default())
}

/// Cracks a whole page with a plan compiled before.
///
/// # Errors
/// If the page is not well-formed or passes a limit.
pub fn crack_with(bytes: &[u8], plan: &Arc<Plan>, options: Options) -> Result<Cracked, Error> {
    let remove = options.duplicates == Duplicates::Remove;
    let mut cracked = crack_on(&mut Decoder::for_whole_pages(Arc::clone(plan), options), bytes)?;
    if remove {
        Seen::default().remove_from_page(&mut cracked);
    }
    Ok(cracked)
}

/// Cracks a whole page with a decoder for whole pages. Duplicates are still there.
pub(crate) fn crack_on(decoder: &mut Decoder, bytes: &[u8]) -> Result<Cracked, Error> {
    let meta = decoder.push(bytes).and_then(|()| decoder.end_page());
    let summary = decoder.take_summary();
    let meta = match meta {
        Ok(meta) => meta,
        Err(error) => {
            decoder.abandon_page();
            while decoder.next_batch().is_some() {}
            while decoder.next_rejected().is_some() {}
            return Err(error);
        }
    };
    let plan = decoder.plan();
    let mut batches: Vec<Batch> = plan
        .tables()
        .map(|table| Batch::empty(Arc::clone(table)))
        .collect();
    while let Some((number, found)) = decoder.next_numbered() {
        if let Some(batch) = batches.get_mut(number) {
            *batch = found;
        }
    }
    let rejected = std::iter::from_fn(|| decoder.next_rejected()).collect();
    Ok(Cracked {
        batches,
        summary,
        meta,
        rejected,
    })
}

/// What a page says about itself: next page, total, issues. Its resources are passed over.
///
/// # Errors
/// If the page is not well-formed or passes a limit.
pub fn bundle_meta(bytes: &[u8]) -> Result<BundleMeta, Error> {
    let plan = Arc::new(Plan::new(&Description::default())?);
    Ok(crack_with(bytes, &plan, Options::default())?.meta)
}
