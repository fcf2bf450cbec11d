//! Work on several threads, its results in the order of the jobs.

use std::collections::BTreeMap;
use std::iter::Fuse;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Barrier, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::crack::{Cracked, crack_on};
use crate::decoder::Decoder;
use crate::duplicates::Seen;
use crate::error::Error;
use crate::options::{Duplicates, Options};
use crate::plan::Plan;
use crate::summary::Summary;
use crate::work::summary_of;

/// Jobs begun before the first of them is delivered, for each worker: enough that none waits for another's long one, few
/// enough that their memory stays in the caches.
const AHEAD: usize = 4;

/// Cracks whole pages on `threads` threads (at least one) and gives `each` their rows in the order of the pages.
/// Rows equal to those of an earlier page are removed as everywhere. At most `4 * threads` pages are held at a time.
///
/// # Errors
/// The first page, in their order, that is not well-formed or passes a limit ends the run; so does an error of `each`.
pub fn crack_pages<P, E>(
    pages: impl IntoIterator<Item = P, IntoIter: Send>,
    plan: &Arc<Plan>,
    options: &Options,
    threads: usize,
    mut each: impl FnMut(Cracked) -> Result<(), E> + Send,
) -> Result<Summary, E>
where
    P: AsRef<[u8]>,
    E: From<Error> + Send,
{
    let decoder = || Ok(Decoder::for_whole_pages(Arc::clone(plan), options.clone()));
    let mut decoders = workers(threads.max(1), decoder)?;
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

/// Makes workers for [`in_order`], each on a thread of its own while the others make theirs: what they keep then lies apart
/// in memory. Made one after the other their small buffers share cache lines, and each write of one stalls the other.
///
/// # Errors
/// The first of `make`.
pub fn workers<W: Send, E: Send>(
    count: usize,
    make: impl Fn() -> Result<W, E> + Sync,
) -> Result<Vec<Box<W>>, E> {
    let together = Barrier::new(count);
    let make = || {
        together.wait();
        let made = panic::catch_unwind(AssertUnwindSafe(|| make().map(Box::new)));
        together.wait();
        made
    };
    thread::scope(|scope| {
        let making: Vec<_> = (0..count).map(|_| scope.spawn(make)).collect();
        let made = making.into_iter().map(|thread| match thread.join() {
            Ok(Ok(made)) => made,
            Ok(Err(fault)) | Err(fault) => panic::resume_unwind(fault),
        });
        made.collect()
    })
}

/// Gives every job to the next worker that is free, each worker on a thread of its own and the first on this one, and
/// `each` the results in the order of the jobs, one at a time. At most `4 * workers` jobs are under way.
///
/// A worker takes its job from the iterator itself and delivers what is next in turn: what it read is in its core's
/// cache, and no thread between wakes and sleeps for every job.
///
/// # Errors
/// That of `each`; no further result is delivered then.
pub fn in_order<J, W, R, E>(
    jobs: impl IntoIterator<Item = J, IntoIter: Send>,
    workers: &mut [W],
    work: impl Fn(&mut W, J) -> R + Sync,
    mut each: impl FnMut(R) -> Result<(), E> + Send,
) -> Result<(), E>
where
    W: Send,
    R: Send,
    E: Send,
{
    let Some((first, others)) = workers.split_first_mut() else {
        return Ok(());
    };
    if others.is_empty() {
        return jobs.into_iter().try_for_each(|job| each(work(first, job)));
    }
    let line = Line {
        most: AHEAD * (others.len() + 1),
        jobs: Mutex::new((0, jobs.into_iter().fuse())),
        turn: Mutex::new(Turn {
            delivered: 0,
            early: BTreeMap::new(),
            each: Some(each),
            end: None,
        }),
        moved: Condvar::new(),
    };
    thread::scope(|scope| {
        for worker in others {
            scope.spawn(|| line.stand(worker, &work));
        }
        line.stand(first, &work);
    });
    match locked(&line.turn).end.take() {
        None => Ok(()),
        Some(End::Error(error)) => Err(error),
        Some(End::Panic(fault)) => panic::resume_unwind(fault),
    }
}

/// Jobs in their order, and their results in the same order.
struct Line<I: Iterator, R, F, E> {
    /// Jobs under way.
    most: usize,
    /// How many were taken, and the rest.
    jobs: Mutex<(usize, Fuse<I>)>,
    turn: Mutex<Turn<R, F, E>>,
    /// A result was delivered, or the end has come.
    moved: Condvar,
}

struct Turn<R, F, E> {
    delivered: usize,
    /// Results whose turn has not come.
    early: BTreeMap<usize, R>,
    /// Takes the results; away while it is at work.
    each: Option<F>,
    /// Why nothing more is delivered.
    end: Option<End<E>>,
}

enum End<E> {
    Error(E),
    Panic(Box<dyn std::any::Any + Send>),
}

impl<I, R, F, E> Line<I, R, F, E>
where
    I: Iterator,
    F: FnMut(R) -> Result<(), E>,
{
    /// Works until there is no job, or the end has come.
    fn stand<W>(&self, worker: &mut W, work: &(impl Fn(&mut W, I::Item) -> R + Sync)) {
        loop {
            let done = panic::catch_unwind(AssertUnwindSafe(|| {
                let Some((number, job)) = self.next() else {
                    return false;
                };
                let result = work(worker, job);
                self.deliver(number, result);
                true
            }));
            match done {
                Ok(true) => {}
                Ok(false) => return,
                // Else the other workers would wait for this result for ever.
                Err(fault) => self.end(End::Panic(fault)),
            }
        }
    }

    fn next(&self) -> Option<(usize, I::Item)> {
        let mut jobs = locked(&self.jobs);
        let (number, rest) = &mut *jobs;
        let mut turn = locked(&self.turn);
        while turn.end.is_none() && *number - turn.delivered >= self.most {
            turn = self.moved.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        if turn.end.is_some() {
            return None;
        }
        drop(turn);
        let job = rest.next()?;
        *number += 1;
        Some((*number - 1, job))
    }

    /// Delivers a result and those behind it that are there, or leaves it to the worker whose result comes before.
    fn deliver(&self, number: usize, result: R) {
        let mut turn = locked(&self.turn);
        turn.early.insert(number, result);
        let Some(mut each) = turn.each.take() else {
            return;
        };
        while turn.end.is_none() {
            let next = turn.delivered;
            let Some(result) = turn.early.remove(&next) else {
                break;
            };
            drop(turn);
            let taken = each(result);
            turn = locked(&self.turn);
            match taken {
                Ok(()) => turn.delivered += 1,
                Err(error) => turn.end = Some(End::Error(error)),
            }
            self.moved.notify_all();
        }
        turn.each = Some(each);
    }

    fn end(&self, end: End<E>) {
        locked(&self.turn).end.get_or_insert(end);
        self.moved.notify_all();
    }
}

/// A panic under a lock ends the whole run, so what it left is not looked at but for the end.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_however_long_their_jobs_take() {
        for workers in 1..5 {
            let under_way = AtomicUsize::new(0);
            let most = AtomicUsize::new(0);
            let mut got = Vec::new();
            let jobs = (0..100_u64).inspect(|_| {
                let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
            });
            let work = |_: &mut (), job: u64| {
                let slow = job.is_multiple_of(17);
                thread::sleep(Duration::from_micros(if slow { 3_000 } else { 20 }));
                job * 2
            };
            let each = |result| {
                under_way.fetch_sub(1, Ordering::SeqCst);
                got.push(result);
                Ok::<(), ()>(())
            };
            in_order(jobs, &mut vec![(); workers], work, each).expect("no error");
            assert_eq!(got, (0..200).step_by(2).collect::<Vec<_>>());
            // A result counts as delivered a moment after it was handed over.
            let most = most.into_inner();
            assert!(most <= AHEAD * workers + 1, "{most} jobs of {workers} workers");
        }
    }

    #[test]
    fn an_error_ends_the_run_and_nothing_behind_it_is_delivered() {
        for workers in 1..4 {
            let mut got = Vec::new();
            let each = |result| {
                got.push(result);
                if result == 7 { Err("seven") } else { Ok(()) }
            };
            let ended = in_order(0..1_000, &mut vec![(); workers], |(), job| job, each);
            assert_eq!(ended, Err("seven"));
            assert_eq!(got, (0..8).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_of_a_worker_is_passed_on_and_leaves_nobody_waiting() {
        let work = |_: &mut (), job: u64| {
            assert!(job != 3, "the third");
            job
        };
        let run = || in_order(0..1_000, &mut [(); 3], work, |_| Ok::<(), ()>(()));
        let fault = panic::catch_unwind(AssertUnwindSafe(run)).expect_err("a panic");
        assert_eq!(fault.downcast_ref::<&str>(), Some(&"the third"));
    }

    #[test]
    fn without_a_worker_there_is_no_work() {
        let taken = in_order(0..3, &mut [(); 0], |(), job| job, |_| Err("delivered"));
        assert_eq!(taken, Ok(()));
    }
}
