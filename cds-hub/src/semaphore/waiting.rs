use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgListener;

use crate::{Condition, Error, ErrorKind, Hub, Result};

/// Whom somebody who wants the lock waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The state, such as `Ongoing - cds2db:raw (#cds2db#)` or `Interrupted_operator`.
    pub state: String,
    /// Module that leases the lock.
    pub module: Option<String>,
    /// What it says it does.
    pub message: Option<String>,
    /// Since when the state is so: wall time of the hub's zone and how far that is from UTC, as the operator's machine may
    /// show another zone.
    pub since: Option<String>,
    /// When the lock ends without a sign of life.
    pub until: Option<String>,
    /// A session whose open transaction keeps the state from being changed.
    pub session: Option<String>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waiting for the hub's lock: {}", self.state)?;
        if let Some(since) = &self.since {
            write!(f, ", since {since}")?;
        }
        if let Some(until) = &self.until {
            write!(f, ", until {until} unless renewed")?;
        }
        if let Some(session) = &self.session {
            write!(f, "; kept by the open transaction of {session}")?;
        }
        Ok(())
    }
}

/// Who is told while a hub waits for the lock.
#[derive(Clone, Default)]
pub(crate) struct Told(Option<Arc<Tell>>);

type Tell = dyn Fn(&Waiting) + Send + Sync;

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Told").field(&self.0.is_some()).finish()
    }
}

/// After how long somebody is told first, and how often then.
const FIRST: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_secs(30);

/// One wait for the lock: says whom it waits for after two seconds and every half minute.
pub(super) struct Patience<'h> {
    told: &'h Told,
    next: Instant,
}

impl<'h> Patience<'h> {
    pub(super) fn new(hub: &'h Hub) -> Self {
        Self {
            told: hub.told(),
            next: Instant::now() + FIRST,
        }
    }

    /// How long until somebody is told.
    pub(super) fn left(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Tells whom the wait is for, if it is time.
    pub(super) async fn tell(&mut self, connection: &mut PgListener) -> Result<()> {
        if !self.left().is_zero() {
            return Ok(());
        }
        self.next = Instant::now() + AGAIN;
        let waiting = holder(connection).await?;
        tracing::warn!(
            state = waiting.state,
            since = waiting.since,
            until = waiting.until,
            session = waiting.session,
            "waiting for the lock"
        );
        if let Some(told) = &self.told.0 {
            told(&waiting);
        }
        Ok(())
    }
}

impl Hub {
    /// Lets a program say whom it waits for: called two seconds after a wait for the lock began, and every half minute.
    #[must_use]
    pub fn telling(mut self, told: impl Fn(&Waiting) + Send + Sync + 'static) -> Self {
        *self.told_mut() = Told(Some(Arc::new(told)));
        self
    }

    /// Who holds the lock, or what keeps it from being taken.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn lock_holder(&self) -> Result<Waiting> {
        holder(self.pool()).await
    }
}

/// That somebody holds the lock, and who.
pub(super) async fn held<'e>(executor: impl sqlx::PgExecutor<'e>, place: &str) -> Error {
    let error = Error::new(ErrorKind::Locked, place);
    match holder(executor).await {
        Ok(holder) => error.with_condition(Condition::LockHeld {
            by: holder.module.unwrap_or(holder.state),
            since: holder.since.unwrap_or_default(),
        }),
        Err(_) => error,
    }
}

async fn holder<'e>(executor: impl sqlx::PgExecutor<'e>) -> Result<Waiting> {
    type Row = (
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
    );
    let (state, module, message, since, until, session): Row = sqlx::query_as(
        "SELECT state, module, message, to_char(since, 'YYYY-MM-DD HH24:MI:SS OF'), to_char(until, 'YYYY-MM-DD HH24:MI:SS OF'),
                session FROM core.lock_holder()",
    )
    .fetch_one(executor)
    .await
    .map_err(|e| Error::sql("asking who holds the lock", &e))?;
    Ok(Waiting {
        state,
        module,
        message,
        since,
        until,
        session,
    })
}
