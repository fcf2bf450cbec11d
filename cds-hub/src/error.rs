use std::fmt;

use sqlx::postgres::PgDatabaseError;

/// Result of a hub operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with the hub, where, and why.
///
/// One pointer wide. `Display` prints this level only; the chain is reached through
/// [`std::error::Error::source`]. No level holds a row value, a password or a connection string: what the server
/// says is reduced to the SQLSTATE and names of objects.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(Debug, thiserror::Error)]
#[error("{kind}: {place}")]
struct Inner {
    kind: ErrorKind,
    place: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    sqlstate: Option<String>,
    condition: Option<Condition>,
}

/// What a caller can act on, with what that needs: whom it waits for, what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Somebody else holds the lock: the same may be tried again later.
    LockHeld {
        /// The module, or the state where no module is named.
        by: String,
        /// Since when: wall time of the hub's zone, `2025-01-31 07:00:00`; empty where that is not known.
        since: String,
    },
    /// The lock was lost while it was needed: somebody took it, or its lease ended.
    LockLost,
    /// The server cannot be reached, or the connection broke.
    ConnectionLost,
    /// The hub lacks what this program needs: `cds-hub migrate` brings it up to date.
    HubOlder {
        /// Tables and columns, each in words; not all of them where there are many.
        missing: Vec<String>,
    },
    /// The hub was made or migrated by a newer program.
    HubNewer {
        /// The release of that program.
        release: String,
    },
}

/// The kinds of failure a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No usable PostgreSQL programs on this machine.
    #[error("no usable PostgreSQL found")]
    NoPostgres,
    /// The local cluster could not be created, started or stopped.
    #[error("local PostgreSQL")]
    Cluster,
    /// The server could not be reached or refused the connection.
    #[error("cannot connect to the hub")]
    Connect,
    /// The server refused a statement; see [`Error::sqlstate`].
    #[error("the database refused")]
    Database,
    /// An option or argument is not usable.
    #[error("unusable option")]
    Options,
    /// The hub's tables are not those this program expects; `cds-hub migrate` may help.
    #[error("unexpected tables")]
    Schema,
    /// Somebody else holds the lock.
    #[error("locked")]
    Locked,
    /// The lock was lost while it was needed.
    #[error("lock lost")]
    LockLost,
    /// The data handed over does not fit the table it is for.
    #[error("unsuitable input")]
    Input,
    /// Nothing is stored under this name, id or time.
    #[error("not found")]
    NotFound,
    /// Reading or writing a file failed.
    #[error("file")]
    File,
}

impl Error {
    /// An error of this kind at this place (what was attempted on which object, never a value).
    #[must_use]
    pub fn new(kind: ErrorKind, place: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            place: place.into(),
            source: None,
            sqlstate: None,
            condition: match kind {
                ErrorKind::LockLost => Some(Condition::LockLost),
                ErrorKind::Connect => Some(Condition::ConnectionLost),
                _ => None,
            },
        }))
    }

    /// The same error with its cause. The cause must not show row values.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error with what a caller can act on.
    #[must_use]
    pub fn with_condition(mut self, condition: Condition) -> Self {
        self.0.condition = Some(condition);
        self
    }

    /// What a caller can act on, where it is that.
    #[must_use]
    pub fn condition(&self) -> Option<&Condition> {
        self.0.condition.as_ref()
    }

    /// What the server or the connection said while `place` was attempted, without row values.
    #[must_use]
    pub fn sql(place: impl Into<String>, error: &sqlx::Error) -> Self {
        let is_lost = match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(db) => db
                .code()
                .is_some_and(|state| LOST.iter().any(|lost| state.starts_with(lost))),
            _ => false,
        };
        let kind = if is_lost {
            ErrorKind::Connect
        } else {
            ErrorKind::Database
        };
        let server = ServerSaid::of(error);
        let sqlstate = server.sqlstate.clone();
        let mut this = Self::new(kind, place).with_source(server);
        this.0.sqlstate = sqlstate;
        this.0.condition = is_lost.then_some(Condition::ConnectionLost);
        this
    }

    /// The SQLSTATE if the server refused a row for what is in it; `None` for every failure that another row would have
    /// met too.
    pub(crate) fn refused_row(error: &sqlx::Error) -> Option<String> {
        let sqlx::Error::Database(db) = error else {
            return None;
        };
        let state = db.code()?.into_owned();
        matches!(state.get(..2)?, "22" | "23" | "44" | "54" | "P0").then_some(state)
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The five characters of the server's SQLSTATE, if the server refused a statement.
    ///
    /// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_deref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// How the SQLSTATEs of a server that goes away begin.
const LOST: [&str; 4] = ["08", "57P01", "57P02", "57P03"];

/// What is said of a SQLSTATE, by how it begins; the first that fits. The server's own text of these classes quotes values
/// (22), or is that of a site's trigger or constraint and may hold anything.
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(crate) const REASONS: &[(&str, &str)] = &[
    ("22", "unsuitable value"),
    ("23502", "missing value"),
    ("23503", "row of another table missing"),
    ("23505", "duplicate key"),
    ("23514", "refused by a check"),
    ("23P01", "excluded by another row"),
    ("23", "refused by a constraint"),
    ("44", "refused by the check of a view"),
    ("54", "beyond a limit of the server"),
    ("P0", "refused by a trigger or function"),
];

fn reason(state: &str) -> Option<&'static str> {
    REASONS
        .iter()
        .find(|(start, _)| state.starts_with(start))
        .map(|(_, reason)| *reason)
}

/// A server message reduced to what cannot hold a row value.
///
/// Detail, hint and context are always dropped. The main message is kept where it is the server's own and names objects
/// only: not for the classes in [`REASONS`], and not where a function raised it, unless the function is ours.
#[derive(Debug)]
struct ServerSaid {
    sqlstate: Option<String>,
    text: String,
}

impl ServerSaid {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(db) => {
                let state = db.code().map(std::borrow::Cow::into_owned);
                let raised = db
                    .try_downcast_ref::<PgDatabaseError>()
                    .is_none_or(|e| e.routine() == Some("exec_stmt_raise"));
                let ours = state.as_deref().is_some_and(|s| s.starts_with("CDH"));
                let mut text = match state.as_deref().and_then(reason) {
                    Some(reason) => reason.to_owned(),
                    None if raised && !ours => "refused by a function of the database".to_owned(),
                    None => db.message().to_owned(),
                };
                // The hint is known by the setting it names, in whichever language the server speaks.
                let hint = db.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::hint);
                if state.as_deref() == Some("53200") && hint.is_some_and(|h| h.contains("max_locks_per_transaction")) {
                    text.push_str("; raise max_locks_per_transaction on the server, to 512 say");
                }
                // A function can name any text as the table.
                if let Some(table) = db.table().filter(|_| !raised) {
                    text.push_str(" for table ");
                    text.push_str(table);
                }
                Self {
                    sqlstate: state,
                    text,
                }
            }
            // This is how a certificate that is not accepted arrives.
            sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => Self {
                sqlstate: None,
                text: "connection: the server's answer is not acceptable; with TLS, look at its certificate (authority, \
                       name, dates)"
                    .into(),
            },
            sqlx::Error::Io(e) => Self {
                sqlstate: None,
                text: format!("connection: {}", e.kind()),
            },
            sqlx::Error::Tls(_) => Self {
                sqlstate: None,
                text: "TLS handshake failed".into(),
            },
            sqlx::Error::PoolTimedOut => Self {
                sqlstate: None,
                text: "no free connection in time".into(),
            },
            sqlx::Error::PoolClosed => Self {
                sqlstate: None,
                text: "connections are closed".into(),
            },
            sqlx::Error::RowNotFound => Self {
                sqlstate: None,
                text: "no row where one was expected".into(),
            },
            sqlx::Error::ColumnNotFound(name) => Self {
                sqlstate: None,
                text: format!("no column {name}"),
            },
            sqlx::Error::Protocol(_) => Self {
                sqlstate: None,
                text: "protocol violated".into(),
            },
            sqlx::Error::Configuration(_) => Self {
                sqlstate: None,
                text: "connection options".into(),
            },
            _ => Self {
                sqlstate: None,
                text: "client library refused".into(),
            },
        }
    }
}

impl fmt::Display for ServerSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sqlstate {
            Some(state) => write!(f, "SQLSTATE {state}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for ServerSaid {}
