use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::search::complete::Step;
use crate::search::error::Error;
use crate::search::options::Limits;

/// Where the steps of searches go: a queue with room for some pages and some bytes.
#[derive(Clone)]
pub(crate) struct Outlet {
    messages: mpsc::Sender<Message>,
    /// Free room in units of [`UNIT`] bytes.
    room: Arc<Semaphore>,
    most: u32,
}

/// One step of a search, and the room it takes until the caller has it.
pub(crate) struct Message {
    /// Number of the search among those that run together, counted from 0.
    pub(crate) search: usize,
    pub(crate) step: Result<Step, Error>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Bytes behind one permit, so that their number fits a semaphore.
const UNIT: usize = 1024;

impl Outlet {
    pub(crate) fn new(limits: &Limits) -> (Outlet, mpsc::Receiver<Message>) {
        let (messages, received) = mpsc::channel(limits.read_ahead.max(1));
        let most = u32::try_from(limits.read_ahead_bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .clamp(1, 1 << 29);
        let room = Arc::new(Semaphore::new(most as usize));
        (Outlet { messages, room, most }, received)
    }

    /// Waits for room and sends; false where nobody listens any more.
    pub(crate) async fn send(&self, search: usize, step: Result<Step, Error>) -> bool {
        let bytes = match &step {
            Ok(Step::Page(page)) => page.bytes.len(),
            _ => 0,
        };
        let units = u32::try_from(bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .min(self.most);
        let room = tokio::select! {
            room = Arc::clone(&self.room).acquire_many_owned(units) => room.ok(),
            () = self.messages.closed() => return false,
        };
        self.messages
            .send(Message {
                search,
                step,
                _room: room,
            })
            .await
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::search::{Format, Page};

    fn page(bytes: usize) -> Result<Step, Error> {
        let bytes = Bytes::from(vec![b' '; bytes]);
        Ok(Step::Page(Page {
            number: 1,
            bytes,
            format: Format::Json,
            entries: 0,
            total: None,
        }))
    }

    #[tokio::test]
    async fn large_pages_wait_for_the_caller() {
        let limits = Limits {
            read_ahead: 10,
            read_ahead_bytes: 4096,
            ..Limits::default()
        };
        let (outlet, mut received) = Outlet::new(&limits);
        assert!(outlet.send(0, page(3000)).await);
        let second = outlet.send(0, page(1 << 20));
        assert!(
            tokio::time::timeout(Duration::from_millis(20), second)
                .await
                .is_err(),
            "no room yet"
        );
        drop(received.recv().await);
        assert!(
            outlet.send(0, page(1 << 20)).await,
            "one page always fits, however large"
        );
        let third = outlet.send(0, page(1));
        drop(received);
        assert!(!third.await);
    }
}
