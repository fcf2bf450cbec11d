use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Works on items on as many threads as there are cores; results are in the order of the items. The first error ends it.
pub(crate) fn side_by_side<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    with_states(items, usize::MAX, || (), |(), item| work(item)).map(|(results, _)| results)
}

/// The same on at most so many threads, each with a state of its own; the states are handed back, one at least.
pub(crate) fn with_states<T: Sync, S: Send, R: Send, E: Send>(
    items: &[T],
    most_threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R, E> + Sync,
) -> Result<(Vec<R>, Vec<S>), E> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || {
        let mut state = state();
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(position) else {
                return Ok(state);
            };
            match work(&mut state, item) {
                Ok(result) => done
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((position, result)),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let others = cores.min(most_threads).min(items.len()).saturating_sub(1);
    let states = std::thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(worker)).collect();
        let own = worker();
        // A panic of another thread goes on in this one, as if the work had been done here.
        let others = others.into_iter().map(|other| {
            other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(own).chain(others).collect::<Result<_, _>>()
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(position, _)| *position);
    Ok((done.into_iter().map(|(_, result)| result).collect(), states))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_an_error_is_told() {
        let items: Vec<u32> = (0..500).collect();
        let squares = side_by_side(&items, |n| Ok::<_, u32>(n * n)).unwrap();
        assert!(squares.iter().zip(&items).all(|(square, n)| *square == n * n) && squares.len() == 500);
        let failed = side_by_side(&items, |&n| if n == 300 { Err(n) } else { Ok(n) });
        assert_eq!(failed, Err(300));
        assert_eq!(side_by_side(&[], |n: &u32| Ok::<_, u32>(*n)), Ok(Vec::new()));
    }

    #[test]
    fn every_item_is_in_one_state() {
        let items: Vec<u64> = (1..=100).collect();
        for most in [1, 2, 9] {
            let add = |sum: &mut u64, n: &u64| {
                *sum += n;
                Ok::<_, ()>(*n)
            };
            let (results, sums) = with_states(&items, most, || 0, add).unwrap();
            assert_eq!(results, items);
            assert!((1..=most).contains(&sums.len()));
            assert_eq!(sums.iter().sum::<u64>(), 5_050);
        }
        assert_eq!(
            with_states(&[], 2, || 7, |_, (): &()| Ok::<_, ()>(())),
            Ok((Vec::new(), vec![7]))
        );
    }
}
