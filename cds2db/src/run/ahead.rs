//! Work that runs ahead of whoever takes its results.

use futures_util::stream::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::{Error, ErrorKind, Result};

/// Items that a task of its own makes ahead of whoever takes them, so that making goes on while the taker waits for
/// something else. Dropping it ends the task.
pub(crate) struct Ahead<T> {
    items: mpsc::Receiver<T>,
    task: JoinHandle<()>,
    kind: ErrorKind,
    what: &'static str,
}

impl<T: Send + 'static> Ahead<T> {
    /// Makes at most `most` items that nobody has taken yet, beside the one at work. Kind and `what` are the error's where
    /// the task breaks off.
    pub(crate) fn new(
        stream: impl Stream<Item = T> + Send + 'static,
        most: usize,
        kind: ErrorKind,
        what: &'static str,
    ) -> Self {
        let (sender, items) = mpsc::channel(most.max(1));
        let task = tokio::spawn(async move {
            let mut stream = Box::pin(stream);
            while let Some(item) = stream.next().await {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        });
        Self {
            items,
            task,
            kind,
            what,
        }
    }

    /// The next item; `None` behind the last.
    ///
    /// # Errors
    /// When the task broke off: without its end nobody knows whether items are missing. What it panicked with is left out,
    /// since it may hold a value.
    pub(crate) async fn next(&mut self) -> Result<Option<T>> {
        match self.items.recv().await {
            Some(item) => Ok(Some(item)),
            None => match (&mut self.task).await {
                Ok(()) => Ok(None),
                Err(_) => Err(Error::new(self.kind, format!("{} broke off", self.what))),
            },
        }
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn items_keep_their_order_and_are_made_only_so_far_ahead() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let numbers = stream::iter(0..100).inspect(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let mut ahead = Ahead::new(numbers, 3, ErrorKind::Hub, "counting");
        tokio::time::sleep(Duration::from_millis(50)).await;
        // Three wait and one more stands before the door.
        assert_eq!(made.load(Ordering::Relaxed), 4);
        for expected in 0..100 {
            assert_eq!(ahead.next().await.expect("runs"), Some(expected));
        }
        assert_eq!(ahead.next().await.expect("ends"), None);
    }

    #[tokio::test]
    async fn a_task_that_breaks_off_is_no_end() {
        let numbers = stream::iter(0..3).inspect(|n| assert!(*n < 2, "the third breaks"));
        let mut ahead = Ahead::new(numbers, 5, ErrorKind::Hub, "counting");
        assert_eq!(ahead.next().await.expect("first"), Some(0));
        assert_eq!(ahead.next().await.expect("second"), Some(1));
        assert!(ahead.next().await.is_err());
    }

    #[tokio::test]
    async fn dropping_it_ends_the_work() {
        let held = Arc::new(());
        let inner = Arc::clone(&held);
        let endless = stream::unfold(inner, |inner| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Some(((), inner))
        });
        drop(Ahead::new(endless, 1, ErrorKind::Hub, "counting"));
        for _ in 0..200 {
            if Arc::strong_count(&held) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the task goes on");
    }
}
