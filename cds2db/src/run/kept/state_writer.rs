//! State of batches on its way to the disk.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use work_dir::WorkDir;

/// Writes the state of batches on a thread of its own: bringing a small file to the disk takes longer than fetching a
/// batch may take. Batches that finish meanwhile share the next write.
pub(crate) struct StateWriter {
    batches: Sender<(String, u32)>,
    thread: JoinHandle<Result<(), work_dir::Error>>,
}

impl StateWriter {
    pub(crate) fn start(work: Arc<Mutex<WorkDir>>) -> Self {
        let (batches, finished) = mpsc::channel::<(String, u32)>();
        let thread = std::thread::spawn(move || {
            while let Ok(first) = finished.recv() {
                let mut all = vec![first];
                all.extend(finished.try_iter());
                let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
                work.finish_batches(all.iter().map(|(table, number)| (table.as_str(), *number)))?;
            }
            Ok(())
        });
        Self { batches, thread }
    }

    /// Notes that a batch is finished; an error shows at the end.
    pub(crate) fn finish(&self, table: &str, number: u32) {
        let _ = self.batches.send((table.to_owned(), number));
    }

    /// Waits until everything is on the disk.
    pub(crate) fn end(self) -> Result<(), work_dir::Error> {
        drop(self.batches);
        self.thread.join().unwrap_or(Ok(()))
    }
}
