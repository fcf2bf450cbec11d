use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::errors::Failure;

/// What a run and whoever waits for it share.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    bytes: AtomicU64,
}

/// How often signals and progress are looked after.
pub(crate) const TICK: Duration = Duration::from_millis(50);

impl Watch {
    pub(crate) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Counts bytes that were read.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Runs work on a thread of its own without the interpreter's lock, while this one looks after signals and tells
    /// `progress` how many bytes are done with.
    pub(crate) fn over<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce() -> Result<T, Failure> + Send,
    ) -> PyResult<T> {
        let (done, ended) = channel();
        let (raised, result) = thread::scope(|scope| {
            let working = scope.spawn(move || {
                let result = work();
                // Whoever waits may have gone.
                let _ = done.send(());
                result
            });
            let raised = self.wait(py, progress, move || ended.recv_timeout(TICK));
            (raised, py.detach(|| working.join()))
        });
        raised?;
        match result {
            Ok(result) => result.map_err(|failure| failure.into_py(py)),
            Err(fault) => std::panic::resume_unwind(fault),
        }
    }

    fn wait(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        mut next: impl FnMut() -> Result<(), RecvTimeoutError> + Send,
    ) -> PyResult<()> {
        let mut told = 0;
        loop {
            let waiting = py.detach(&mut next) == Err(RecvTimeoutError::Timeout);
            let mut tended = py.check_signals();
            let bytes = self.bytes();
            if let Some(progress) = progress.filter(|_| tended.is_ok() && bytes != told) {
                told = bytes;
                tended = progress.call1((bytes,)).map(drop);
            }
            if tended.is_err() {
                self.cancel();
                return tended;
            }
            if !waiting {
                return Ok(());
            }
        }
    }
}
