use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgListener};

use crate::semaphore::{Lock, LockOptions};
use crate::transfer::{self, Transfer};
use crate::{Error, ErrorKind, Hub, Result};

/// How often the scheduler looks without being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// Longest time between two looks into the inboxes; `None` takes the parameter `transfer_interval_seconds`.
    pub interval: Option<Duration>,
    /// Longest pause after failures; it starts at a second and doubles.
    pub longest_pause: Duration,
}

/// What a scheduler did at a look.
#[derive(Debug)]
#[non_exhaustive]
pub enum Served<'s> {
    /// A transfer with something to do; some of its functions may have failed.
    Transferred(&'s Transfer),
    /// Nothing waited, or a module is at work.
    Nothing,
    /// It could not work, and tries again after a pause.
    Failed(&'s Error),
}

impl Default for ServeOptions {
    /// The parameter's interval, and at most five minutes between attempts that fail.
    fn default() -> Self {
        Self {
            interval: None,
            longest_pause: Duration::from_secs(300),
        }
    }
}

/// The module the semaphore shows, the original's text.
const MODULE: &str = "db.cron_job_data_transfer";

impl Hub {
    /// Transfers what foreign modules leave in the inboxes: as soon as one releases the lock after a write, and every
    /// interval. Returns when `stop` ends; a transfer that runs is finished first.
    ///
    /// Of several schedulers of a database the one that has the lock works; the others go on when it ends. A failing transfer,
    /// or a server that went away, is logged, and tried again after a pause that doubles.
    ///
    /// # Errors
    /// Only when the first connection cannot be made.
    pub async fn serve(&self, options: ServeOptions, stop: impl Future<Output = ()>) -> Result<()> {
        self.serve_telling(options, stop, |_| {}).await
    }

    /// The same, and tells what every look did.
    ///
    /// # Errors
    /// As [`Hub::serve`].
    pub async fn serve_telling(
        &self,
        options: ServeOptions,
        stop: impl Future<Output = ()>,
        mut tell: impl FnMut(&Served<'_>),
    ) -> Result<()> {
        let mut scheduler = Scheduler::connect(self).await?;
        let mut pause = Duration::ZERO;
        tokio::pin!(stop);
        loop {
            match Scheduler::look(self).await {
                Ok(transfer) if transfer.failed.is_empty() => {
                    pause = Duration::ZERO;
                    tell(&match transfer.is_empty() {
                        true => Served::Nothing,
                        false => Served::Transferred(&transfer),
                    });
                }
                Ok(transfer) => {
                    tell(&Served::Transferred(&transfer));
                    tracing::warn!(
                        functions = transfer.failed.len(),
                        "a transfer failed; it is tried again"
                    );
                    pause = next_pause(pause, options.longest_pause);
                }
                Err(error) => {
                    tell(&Served::Failed(&error));
                    tracing::warn!(kind = ?error.kind(), sqlstate = error.sqlstate(), "the scheduler could not work");
                    pause = next_pause(pause, options.longest_pause);
                    if let Ok(again) = Scheduler::connect(self).await {
                        scheduler = again;
                    }
                }
            }
            let interval = match options.interval {
                Some(interval) => interval,
                None => interval(self).await,
            };
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = scheduler.due(interval, pause) => {}
            }
        }
    }

    /// One transfer under the lock, if anything waits: each function in its own transaction, with its name shown in the
    /// semaphore while it runs.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when somebody else holds the lock for longer than `patience`; when the server refuses.
    pub async fn transfer(&self, patience: Duration) -> Result<Transfer> {
        let mut connection = self
            .pool()
            .acquire()
            .await
            .map_err(|e| Error::sql("connecting for a transfer", &e))?;
        transfer_if_due(self, &mut connection, patience, Pause::Ignored).await
    }
}

impl Hub {
    /// What the scheduler does at a look: a transfer, unless somebody has made the state `ReadyToConnect` just now.
    async fn scheduled_transfer(&self) -> Result<Transfer> {
        let mut connection = self
            .pool()
            .acquire()
            .await
            .map_err(|e| Error::sql("connecting for a transfer", &e))?;
        transfer_if_due(self, &mut connection, Duration::ZERO, Pause::Kept).await
    }
}

/// Whether rows wait for as long as the state `ReadyToConnect` pauses transfers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    Kept,
    Ignored,
}

fn next_pause(pause: Duration, longest: Duration) -> Duration {
    (pause * 2).clamp(Duration::from_secs(1), longest)
}

/// The parameter, a minute where it is not set or not a number.
async fn interval(hub: &Hub) -> Duration {
    let seconds: Option<i32> = sqlx::query_scalar(
        "SELECT parameter_value::int FROM db_config.db_parameter
         WHERE parameter_name = 'transfer_interval_seconds' AND parameter_value ~ '^[1-9][0-9]{0,4}$'",
    )
    .fetch_optional(hub.pool())
    .await
    .unwrap_or_default();
    Duration::from_secs(seconds.and_then(|s| u64::try_from(s).ok()).unwrap_or(60))
}

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(30);

/// A connection of its own, which listens.
struct Scheduler {
    listener: PgListener,
}

impl Scheduler {
    async fn connect(hub: &Hub) -> Result<Self> {
        let failed = |e: &sqlx::Error| Error::sql("connecting the scheduler", e);
        let own = hub.pool_of_one(CONNECT);
        let mut listener = PgListener::connect_with(&own).await.map_err(|e| failed(&e))?;
        // A lost connection misses calls, so it must not be replaced in silence.
        listener.eager_reconnect(false);
        listener
            .listen("cds_hub_semaphore")
            .await
            .map_err(|e| failed(&e))?;
        Ok(Self { listener })
    }

    /// Transfers what waits.
    async fn look(hub: &Hub) -> Result<Transfer> {
        match hub.scheduled_transfer().await {
            // A module is at work; its release calls us.
            Err(e) if e.kind() == ErrorKind::Locked => Ok(Transfer::default()),
            other => other,
        }
    }

    /// Waits for the next look: a pause after a failure, a write somebody finished, or the interval.
    async fn due(&mut self, interval: Duration, pause: Duration) {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
            return;
        }
        let called = async {
            loop {
                match self.listener.try_recv().await {
                    Ok(Some(sign)) if sign.payload() == "WaitForCronJob" => break,
                    Ok(Some(_)) => {}
                    // The next look finds out what is wrong with the connection.
                    Ok(None) | Err(_) => break,
                }
            }
        };
        let _ = tokio::time::timeout(interval, called).await;
    }
}

/// Locks and transfers if the state asks for it or an inbox holds rows.
async fn transfer_if_due(
    hub: &Hub,
    connection: &mut PgConnection,
    patience: Duration,
    pause: Pause,
) -> Result<Transfer> {
    let due: bool = sqlx::query_scalar("SELECT core.transfer_due($1)")
        .bind(pause == Pause::Kept)
        .fetch_one(&mut *connection)
        .await
        .map_err(|e| Error::sql("looking into the inboxes", &e))?;
    if !due {
        return Ok(Transfer::default());
    }
    let options = LockOptions {
        patience: Some(patience),
        transfer: false,
        ..LockOptions::default()
    };
    let mut lock = hub.lock_with(MODULE, "1/8", options).await?;
    let transferred = steps(&mut lock, connection).await;
    // After a failure the state asks for another transfer.
    let clean = transferred.as_ref().is_ok_and(|t| t.failed.is_empty());
    let released = match clean {
        true => lock.release(true).await,
        false => lock.release_unfinished().await,
    };
    // What went wrong first is told, and not that the lock was lost with it.
    let transferred = transferred?;
    released.map(|()| transferred)
}

async fn steps(lock: &mut Lock, connection: &mut PgConnection) -> Result<Transfer> {
    let mut transfer = Transfer::default();
    for step in transfer::steps() {
        lock.show(&format!("{} {}()", step.label, step.function)).await?;
        transfer.run(connection, step).await?;
    }
    Ok(transfer)
}
