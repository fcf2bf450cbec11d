//! Pages on several threads, their rows in the order of the pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::crack::{Cracked, crack_on};
use crate::decoder::Decoder;
use crate::duplicates::Seen;
use crate::error::Error;
use crate::options::{Duplicates, Options};
use crate::plan::Plan;
use crate::summary::Summary;
use crate::work::summary_of;

/// Pages cracked between two deliveries, for each thread: enough that no thread waits long for the last one.
const ROUND: usize = 8;

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
    P: AsRef<[u8]> + Sync,
    E: From<Error>,
{
    let threads = threads.max(1);
    let mut decoders: Vec<Decoder> = (0..threads)
        .map(|_| Decoder::for_whole_pages(Arc::clone(plan), options.clone()))
        .collect();
    let mut seen = Seen::default();
    let mut summary = summary_of(plan);
    let mut pages = pages.into_iter();
    loop {
        let round: Vec<P> = pages.by_ref().take(threads * ROUND).collect();
        if round.is_empty() {
            return Ok(summary);
        }
        for cracked in crack_round(&round, &mut decoders) {
            let mut cracked = cracked?;
            if options.duplicates == Duplicates::Remove {
                seen.remove_from_page(&mut cracked);
            }
            summary.add(&cracked.summary);
            each(cracked)?;
        }
    }
}

/// Cracks some pages, each thread the next one that is left.
fn crack_round<P: AsRef<[u8]> + Sync>(pages: &[P], decoders: &mut [Decoder]) -> Vec<Result<Cracked, Error>> {
    let next = AtomicUsize::new(0);
    let work = |decoder: &mut Decoder| {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(page) = pages.get(number) else {
                return done;
            };
            done.push((number, crack_on(decoder, page.as_ref())));
        }
    };
    let mut done: Vec<(usize, Result<Cracked, Error>)> = match decoders {
        [decoder] => work(decoder),
        decoders => thread::scope(|scope| {
            let running: Vec<_> = decoders
                .iter_mut()
                .map(|decoder| scope.spawn(|| work(decoder)))
                .collect();
            running
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_default())
                .collect()
        }),
    };
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, cracked)| cracked).collect()
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
