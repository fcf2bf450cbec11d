use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgListener, PgPool};
use tokio::task::JoinHandle;

use super::token::Token;
use super::waiting::{Patience, held};
use crate::transfer::{self, Transfer};
use crate::{Error, ErrorKind, Hub, Result};

/// How to wait for the lock and how long it lives without its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockOptions {
    /// How long the lock outlives its holder; renewed three times as often.
    pub lease: Duration,
    /// How long to wait for it; `None` waits for ever.
    pub patience: Option<Duration>,
    /// Whether rows that wait in the inboxes are transferred before the holder begins to read.
    pub transfer: bool,
}

impl Default for LockOptions {
    /// 15 s of lease, patience without end, and a transfer of what waits.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            patience: None,
            transfer: true,
        }
    }
}

/// The lock, held: no other module and no transfer runs until it is released.
///
/// Dropping it releases it as after a write; if that is not possible any more, the lease does.
pub struct Lock {
    own: PgPool,
    token: Token,
    module: String,
    message: String,
    lost: Arc<AtomicBool>,
    renewal: JoinHandle<()>,
    released: bool,
    transferred: Transfer,
    importing: AtomicBool,
}

/// The one import that may be made under a lock at a time.
pub(crate) struct Importing<'l>(&'l AtomicBool);

impl Drop for Importing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lock")
            .field("module", &self.module)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// Waits until the lock is free and takes it for this module, with this message (`cds2db`, `cds2db:raw`).
    ///
    /// Rows that wait in the inboxes are transferred first, so the holder reads what its predecessor wrote.
    ///
    /// # Errors
    /// When module or message is empty, or the server refuses.
    pub async fn lock(&self, module: &str, message: &str) -> Result<Lock> {
        self.lock_with(module, message, LockOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when the patience ended first, and as [`Hub::lock`].
    pub async fn lock_with(&self, module: &str, message: &str, options: LockOptions) -> Result<Lock> {
        if module.is_empty() || message.is_empty() {
            return Err(Error::new(
                ErrorKind::Options,
                "a lock needs a module and a message",
            ));
        }
        let deadline = options.patience.map(|p| Instant::now() + p);
        let token = Token::new();
        // For waiting, renewing and releasing.
        let own = self.pool_of_one(options.lease.max(Duration::from_secs(5)));
        let mut listener = listen(&own).await?;
        let mut patience = Patience::new(self);
        let before = loop {
            // Listening since before this look, so a release behind it is not missed.
            if let Some(state) = try_acquire(&mut listener, module, message, token, options.lease).await? {
                break state;
            }
            patience.tell(&mut listener).await?;
            wait(&mut listener, deadline, patience.left()).await?;
        };
        drop(listener);
        let lost = Arc::new(AtomicBool::new(false));
        let renewal = tokio::spawn(renew(own.clone(), token, options.lease, Arc::clone(&lost)));
        let mut lock = Lock {
            own,
            token,
            module: module.to_owned(),
            message: message.to_owned(),
            lost,
            renewal,
            released: false,
            transferred: Transfer::default(),
            importing: AtomicBool::new(false),
        };
        if options.transfer && before == "WaitForCronJob" {
            lock.transferred = self.transfer_all(&lock).await?;
        }
        Ok(lock)
    }

    /// Transfers whatever waits in the inboxes, each function in a transaction of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] when an import under this lock is still open; when the lock was lost, or the server refuses
    /// a call; a failure inside a function is told in the result.
    pub async fn transfer_all(&self, lock: &Lock) -> Result<Transfer> {
        let _alone = lock.importing()?;
        let mut transfer = Transfer::default();
        let mut connection = self
            .pool()
            .acquire()
            .await
            .map_err(|e| Error::sql("connecting for a transfer", &e))?;
        for step in transfer::steps() {
            lock.check()?;
            transfer.run(&mut connection, step).await?;
        }
        Ok(transfer)
    }
}

impl Lock {
    /// The module the lock was taken for.
    #[must_use]
    pub fn module(&self) -> &str {
        &self.module
    }

    /// What the transfer did that ran when the lock was taken.
    #[must_use]
    pub fn transferred(&self) -> &Transfer {
        &self.transferred
    }

    /// Whether the lock is still ours, as far as the last renewal knows.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`] when it is not.
    pub fn check(&self) -> Result<()> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::LockLost, format!("module {}", self.module)));
        }
        Ok(())
    }

    /// Releases the lock. After a read (`read_only`) the next one can go on at once; after a write what the inboxes hold is
    /// transferred first.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`] when it was not ours any more, or the server refuses.
    pub async fn release(self, read_only: bool) -> Result<()> {
        self.release_to(if read_only { READ } else { WRITTEN }).await
    }

    /// Releases the lock after a transfer that failed: the next one is asked for, and is not made at once.
    pub(crate) async fn release_unfinished(self) -> Result<()> {
        self.release_to("WaitForCronJob").await
    }

    async fn release_to(mut self, to: &'static str) -> Result<()> {
        self.released = true;
        self.renewal.abort();
        if release(&self.own, self.token, to).await? {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::LockLost,
                format!("releasing the lock of module {}", self.module),
            ))
        }
    }

    /// Shows another message in the semaphore.
    ///
    /// # Errors
    /// [`ErrorKind::LockLost`] when the lock is not ours any more, or the server refuses.
    pub async fn show(&mut self, message: &str) -> Result<()> {
        let shown: bool = sqlx::query_scalar("SELECT core.show_progress($1, $2)")
            .bind(self.token)
            .bind(message)
            .fetch_one(&self.own)
            .await
            .map_err(|e| Error::sql("showing progress", &e))?;
        if !shown {
            return Err(Error::new(ErrorKind::LockLost, format!("module {}", self.module)));
        }
        message.clone_into(&mut self.message);
        Ok(())
    }

    /// Claims the place of the one import: a second one, or a transfer, would wait for the first one for ever.
    pub(crate) fn importing(&self) -> Result<Importing<'_>> {
        self.check()?;
        if self.importing.swap(true, Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::Options,
                "an import under this lock is still open",
            ));
        }
        Ok(Importing(&self.importing))
    }

    pub(crate) fn token(&self) -> Token {
        self.token
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
        if self.released {
            return;
        }
        // Without a runtime, or if this fails, the lease ends the lock.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (pool, token) = (self.own.clone(), self.token);
            runtime.spawn(async move {
                let _ = release(&pool, token, WRITTEN).await;
            });
        }
    }
}

async fn try_acquire(
    connection: &mut PgListener,
    module: &str,
    message: &str,
    token: Token,
    lease: Duration,
) -> Result<Option<String>> {
    sqlx::query_scalar("SELECT core.acquire_lock($1, $2, $3, $4)")
        .bind(module)
        .bind(message)
        .bind(token)
        .bind(lease.as_secs_f64())
        .fetch_one(connection)
        .await
        .map_err(|e| Error::sql("taking the lock", &e))
}

/// What a release says happened under the lock: nothing was written, or the inboxes may hold rows.
const READ: &str = "ReadyToConnect";
const WRITTEN: &str = "written";

async fn release(pool: &PgPool, token: Token, to: &str) -> Result<bool> {
    sqlx::query_scalar("SELECT core.release_lock($1, $2)")
        .bind(token)
        .bind(to)
        .fetch_one(pool)
        .await
        .map_err(|e| Error::sql("releasing the lock", &e))
}

async fn listen(pool: &PgPool) -> Result<PgListener> {
    let mut listener = PgListener::connect_with(pool)
        .await
        .map_err(|e| Error::sql("listening for the lock", &e))?;
    listener
        .listen("cds_hub_semaphore")
        .await
        .map_err(|e| Error::sql("listening for the lock", &e))?;
    Ok(listener)
}

/// Longest wait without a look: a state set by plain SQL notifies nobody.
const LOOK: Duration = Duration::from_secs(10);

/// Waits for a sign that the lock may be free: a notification, or the end of the holder's lease.
async fn wait(listener: &mut PgListener, deadline: Option<Instant>, most: Duration) -> Result<()> {
    let left: Option<f64> = sqlx::query_scalar("SELECT core.lock_waits()")
        .fetch_one(&mut *listener)
        .await
        .map_err(|e| Error::sql("looking at the lock", &e))?;
    let lease = left.map_or(LOOK, |s| {
        Duration::from_secs_f64(s.clamp(0.0, LOOK.as_secs_f64()))
    });
    let mut pause = lease.min(LOOK).min(most) + Duration::from_millis(20);
    if let Some(deadline) = deadline {
        let patience = deadline.saturating_duration_since(Instant::now());
        if patience.is_zero() {
            return Err(held(listener, "another module or a transfer holds the lock").await);
        }
        pause = pause.min(patience);
    }
    match tokio::time::timeout(pause, listener.recv()).await {
        Ok(Err(e)) => Err(Error::sql("listening for the lock", &e)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// Renews the lease until the lock is lost. A renewal that fails is tried again while the lease lasts.
async fn renew(pool: PgPool, token: Token, lease: Duration, lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(lease / 3).await;
        let renewed: sqlx::Result<bool> = sqlx::query_scalar("SELECT core.renew_lock($1, $2)")
            .bind(token)
            .bind(lease.as_secs_f64())
            .fetch_one(&pool)
            .await;
        if matches!(renewed, Ok(false)) {
            lost.store(true, Ordering::Relaxed);
            tracing::warn!("the lock was lost");
            return;
        }
    }
}
