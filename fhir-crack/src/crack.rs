use std::sync::Arc;

use table_description::Description;

use crate::batch::Batch;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::meta::BundleMeta;
use crate::options::Options;
use crate::plan::Plan;
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
pub fn crack_with(bytes: &[u8], plan: &Arc<Plan>, mut options: Options) -> Result<Cracked, Error> {
    options.batch_bytes = usize::MAX;
    let mut decoder = Decoder::new(Arc::clone(plan), options);
    decoder.push(bytes)?;
    let meta = decoder.end_page()?;
    let mut found = std::iter::from_fn(|| decoder.next_batch()).peekable();
    let batches = plan
        .tables()
        .map(|table| {
            found
                .next_if(|batch| Arc::ptr_eq(batch.table(), table))
                .unwrap_or_else(|| Batch::empty(Arc::clone(table)))
        })
        .collect();
    drop(found);
    Ok(Cracked {
        batches,
        summary: decoder.summary().clone(),
        meta,
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
