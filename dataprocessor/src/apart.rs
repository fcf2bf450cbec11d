use crate::{Error, ErrorKind, Result};

/// Computes on a thread of its own. A frame must not be computed on a thread of the runtime: it would block the renewal
/// of the lock, polars refuses a runtime of one thread, and it walks its plans by recursion, for which the stacks of a
/// runtime's threads are small.
pub(crate) async fn apart<T: Send + 'static>(
    compute: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    const STACK: usize = 64 << 20;
    let ended = || Error::new(ErrorKind::Shape, "the derivation ended early");
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("derive".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody waits any more if this fails.
            let _ = done.send(compute());
        })?;
    result.await.map_err(|_| ended())?
}
