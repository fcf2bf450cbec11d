//! Work on several threads, its results in the order of the jobs.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::crack::{Cracked, crack_on};
use crate::decoder::Decoder;
use crate::duplicates::Seen;
use crate::error::Error;
use crate::options::{Duplicates, Options};
use crate::plan::Plan;
use crate::summary::Summary;
use crate::work::summary_of;

/// Jobs begun before the first of them is delivered, for each thread: enough that none waits for another's long one.
const AHEAD: usize = 8;

/// Cracks whole pages on `threads` threads (at least one) and gives `each` their rows in the order of the pages.
/// Rows equal to those of an earlier page are removed as everywhere. At most `8 * threads` pages are held at a time.
///
/// # Errors
/// The first page, in their order, that is not well-formed or passes a limit ends the run; so does an error of `each`.
pub fn crack_pages<P, E>(
    pages: impl IntoIterator<Item = P>,
    plan: &Arc<Plan>,
    options: &Options,
    threads: usize,
    mut each: impl FnMut(Cracked) -> Result<(), E>,
) -> Result<Summary, E>
where
    P: AsRef<[u8]> + Send,
    E: From<Error>,
{
    let mut decoders: Vec<Decoder> = (0..threads.max(1))
        .map(|_| Decoder::for_whole_pages(Arc::clone(plan), options.clone()))
        .collect();
    let mut seen = Seen::default();
    let mut summary = summary_of(plan);
    in_order(
        pages,
        &mut decoders,
        |decoder, page| crack_on(decoder, page.as_ref()),
        |cracked| {
            let mut cracked = cracked?;
            if options.duplicates == Duplicates::Remove {
                seen.remove_from_page(&mut cracked);
            }
            summary.add(&cracked.summary);
            each(cracked)
        },
    )?;
    Ok(summary)
}

/// Gives every job to the next worker that is free, each worker on a thread of its own, and `each` the results in the
/// order of the jobs, on this thread. A single worker works on this thread too. At most `8 * workers` jobs are under way.
///
/// # Errors
/// That of `each`; no further result is delivered then.
pub fn in_order<J, W, R, E>(
    jobs: impl IntoIterator<Item = J>,
    workers: &mut [W],
    work: impl Fn(&mut W, J) -> R + Sync,
    mut each: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E>
where
    J: Send,
    W: Send,
    R: Send,
{
    let mut jobs = jobs.into_iter().fuse();
    if let [worker] = workers {
        return jobs.try_for_each(|job| each(work(worker, job)));
    }
    let most = workers.len() * AHEAD;
    thread::scope(|scope| {
        let (give, take) = sync_channel::<(usize, J)>(most);
        let take = Arc::new(Mutex::new(take));
        let (done, finished) = channel();
        for worker in workers {
            let (take, done, work) = (Arc::clone(&take), done.clone(), &work);
            scope.spawn(move || {
                let next = || take.lock().ok()?.recv().ok();
                while let Some((number, job)) = next() {
                    let result = panic::catch_unwind(AssertUnwindSafe(|| work(worker, job)));
                    if done.send((number, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop((done, take));
        let mut early = BTreeMap::new();
        let (mut given, mut delivered) = (0, 0);
        loop {
            while given - delivered < most
                && let Some(job) = jobs.next()
                && give.send((given, job)).is_ok()
            {
                given += 1;
            }
            if given == delivered {
                return Ok(());
            }
            let Ok((number, result)) = finished.recv() else {
                return Ok(());
            };
            // Else this thread would wait for the result for ever.
            let result = result.unwrap_or_else(|fault| panic::resume_unwind(fault));
            early.insert(number, result);
            while let Some(result) = early.remove(&delivered) {
                delivered += 1;
                each(result)?;
            }
        }
    })
}

/// Splits bulk data, one resource a line, into pieces of whole lines of about `size` bytes.
pub fn pieces_of_lines(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let from = size.clamp(1, rest.len()) - 1;
        let line = memchr::memchr(b'\n', rest.get(from..).unwrap_or_default());
        let (piece, behind) = rest.split_at(line.map_or(rest.len(), |at| from + at + 1));
        rest = behind;
        Some(piece)
    })
}
