//! Whether a hub can be reached: known in two seconds, told while somebody waits, and said with the next step.

use std::time::{Duration, Instant};

use site_config::Database;
use tokio::net::TcpStream;

use crate::{Error, ErrorKind, Hub, HubOptions, Result};

/// How long one try may take.
pub const TRY: Duration = Duration::from_secs(2);
/// How long to open the hub's first connection, its encryption and password included.
const OPEN: Duration = Duration::from_secs(10);

/// How long to wait for what is not there, and who is told.
#[derive(Clone, Copy)]
pub struct Patience<'p> {
    /// How long to try.
    pub wait: Duration,
    /// Told at every try that failed.
    pub told: &'p (dyn Fn(&str) + Sync),
}

impl Patience<'_> {
    /// Half a minute for a server or database that restarts, told to nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            wait: Duration::from_secs(30),
            told: &|_| {},
        }
    }

    /// Tries until it succeeds or the patience is at its end.
    ///
    /// # Errors
    /// The last failure, or the first that does not pass by waiting.
    pub async fn try_until<T, E: std::fmt::Display>(
        &self,
        what: &str,
        mut attempt: impl AsyncFnMut() -> std::result::Result<T, E>,
        is_passing: impl Fn(&E) -> bool,
    ) -> std::result::Result<T, E> {
        let begin = Instant::now();
        let mut tries = 1_u32;
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if !is_passing(&error) || begin.elapsed() >= self.wait {
                return Err(error);
            }
            (self.told)(&format!("waiting for {what}, {} try: {error}", nth(tries)));
            tries += 1;
            let pause = Duration::from_secs(u64::from(tries.min(5)));
            tokio::time::sleep(pause.min(self.wait.saturating_sub(begin.elapsed()))).await;
        }
    }
}

fn nth(n: u32) -> String {
    let end = match (n % 10, n % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

/// Whether somebody listens at host and port.
///
/// # Errors
/// Why not, in words that hold neither.
pub async fn listens(host: &str, port: u16) -> std::result::Result<(), String> {
    match tokio::time::timeout(TRY, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        // A name that cannot be resolved has no kind of its own.
        Ok(Err(error)) => Err(match error.kind().to_string() {
            kind if kind == "uncategorized error" => "no such host".to_owned(),
            kind => kind,
        }),
        Err(_) => Err("no answer within 2 s".to_owned()),
    }
}

/// Opens the hub that a configuration names.
///
/// # Errors
/// [`ErrorKind::Connect`] when it cannot be reached after all patience; another kind when it refuses. The text names
/// host, port and what to do.
pub async fn open(database: &Database, patience: Patience<'_>) -> Result<Hub> {
    let place = database.place();
    let what = format!("the database at {place}");
    let is_socket = database.host.starts_with('/');
    let options = HubOptions {
        password: database.password.clone(),
        ..HubOptions::new(database.url())
    };
    let attempt = async || -> std::result::Result<Hub, Failure> {
        if !is_socket {
            listens(&database.host, database.port)
                .await
                .map_err(Failure::Nobody)?;
        }
        match tokio::time::timeout(OPEN, Hub::open(&options)).await {
            Ok(opened) => opened.map_err(Failure::Hub),
            Err(_) => Err(Failure::Nobody("no answer within 10 s".to_owned())),
        }
    };
    patience
        .try_until(&what, attempt, Failure::is_passing)
        .await
        .map_err(|failure| failure.into_error(&what, database))
}

/// Opens a hub by options for an operator who watches: one try, known in two seconds.
///
/// # Errors
/// [`ErrorKind::Connect`] with host and port when nobody listens there; else as [`Hub::open`].
pub async fn open_at_once(options: &HubOptions) -> Result<Hub> {
    answers(options).await?;
    Hub::open(options).await
}

/// Whether somebody listens where the options say, for programs that log in later.
///
/// # Errors
/// [`ErrorKind::Connect`] with host and port when nobody does; [`ErrorKind::Options`] when the URL is none.
pub async fn answers(options: &HubOptions) -> Result<()> {
    let way = options.connect_options()?;
    let (host, port) = (way.get_host(), way.get_port());
    if way.get_socket().is_some() || host.starts_with('/') {
        return Ok(());
    }
    listens(host, port).await.map_err(|why| {
        let text = format!(
            "the database at {host}:{port} cannot be reached ({why}); start it, or correct --database-url"
        );
        Error::new(ErrorKind::Connect, text)
    })
}

/// Opens a hub as somebody who gives name and password, for programs with a log-in of their own; `None` where the server
/// does not take them. Where it asks for no password a wrong one would do, so nobody is let in there.
///
/// # Errors
/// When the server does not answer.
pub async fn log_in(options: &HubOptions, role: &str, password: &str) -> Result<Option<Hub>> {
    if role.is_empty() || password.is_empty() || role.contains('\0') || password.contains('\0') {
        return Ok(None);
    }
    match Hub::open(&as_role(options, role, &format!("{password}x"), 1)).await {
        Ok(hub) => {
            hub.close().await;
            tracing::error!("the hub asks no password of its roles; nobody is let in");
            return Ok(None);
        }
        Err(error) if !is_refusal(&error) => return Err(error),
        Err(_) => {}
    }
    let hub = match Hub::open(&as_role(options, role, password, options.connections)).await {
        Ok(hub) => hub,
        Err(error) if is_refusal(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    // The server shortens long names.
    let is_same: bool = sqlx::query_scalar("SELECT current_user = $1::text")
        .bind(role)
        .fetch_one(hub.pool())
        .await
        .map_err(|e| Error::sql("asking who has logged in", &e))?;
    Ok(is_same.then_some(hub))
}

fn as_role(options: &HubOptions, role: &str, password: &str, connections: u32) -> HubOptions {
    HubOptions {
        user: Some(role.to_owned()),
        password: Some(password.to_owned()),
        password_file: None,
        connections,
        patience: OPEN,
        ..options.clone()
    }
}

/// Whether the server said no (SQLSTATE class 28), or the password is none that it could be asked about.
fn is_refusal(error: &Error) -> bool {
    match error.sqlstate() {
        Some(state) => state.starts_with("28"),
        None => error.kind() != ErrorKind::Connect,
    }
}

/// Why a hub could not be opened.
enum Failure {
    /// Nobody answers.
    Nobody(String),
    /// Somebody answers and refuses.
    Hub(Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nobody(why) => f.write_str(why),
            Self::Hub(error) if error.sqlstate() == Some("57P03") => {
                f.write_str("it starts up or shuts down")
            }
            Self::Hub(error) => write!(f, "{error}"),
        }
    }
}

impl Failure {
    /// Whether it may pass: nobody there, starting up, too many connections, broken off.
    fn is_passing(&self) -> bool {
        match self {
            Self::Nobody(_) => true,
            Self::Hub(error) => {
                let state = error.sqlstate();
                state.is_some_and(|s| matches!(s, "57P03" | "53300") || s.starts_with("08"))
                    || (state.is_none() && error.kind() == ErrorKind::Connect)
            }
        }
    }

    fn into_error(self, what: &str, database: &Database) -> Error {
        let error = match self {
            Self::Nobody(why) => {
                let text =
                    format!("{what} cannot be reached ({why}); start it, or correct DB_HOST and DB_PORT");
                return Error::new(ErrorKind::Connect, text);
            }
            Self::Hub(error) => error,
        };
        let (kind, text) = match error.sqlstate() {
            Some("28P01" | "28000") => (
                ErrorKind::Options,
                format!(
                    "{what} refuses user {}; its password is DB_…_PASSWORD in the file of the database or the \
                     environment, and cds-hub init --passwords sets it",
                    database.user
                ),
            ),
            Some("3D000") => (
                ErrorKind::Schema,
                format!(
                    "{what} has no database {}; make it, then cds-hub init",
                    database.name
                ),
            ),
            _ if error.kind() == ErrorKind::Connect => (
                ErrorKind::Connect,
                format!(
                    "{what} answers but no connection comes about; look at DB_SSL_MODE, DB_SSL_CA_FILE and the server's \
                     certificate"
                ),
            ),
            _ => (error.kind(), format!("{what} refuses the connection")),
        };
        Error::new(kind, text).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_in_words() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 112].map(nth).join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 112th"
        );
    }

    /// A port that nobody listens on: known at once, told at each try, ended in time.
    #[tokio::test]
    async fn who_is_not_there_is_known_in_two_seconds_and_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let told = std::sync::Mutex::new(Vec::new());
        let say = |text: &str| told.lock().unwrap().push(text.to_owned());
        let mut database = Database::of_module("CDS2DB");
        (database.host, database.port) = ("127.0.0.1".to_owned(), port);
        let patience = |seconds| Patience {
            wait: Duration::from_secs(seconds),
            told: &say,
        };
        let begin = Instant::now();
        let error = open(&database, patience(0)).await.unwrap_err();
        assert!(begin.elapsed() < TRY, "{:?}", begin.elapsed());
        assert_eq!(error.kind(), ErrorKind::Connect);
        let text = error.to_string();
        assert!(
            text.contains(&format!("127.0.0.1:{port}")) && text.contains("DB_PORT"),
            "{text}"
        );
        assert!(told.lock().unwrap().is_empty());
        open(&database, patience(2)).await.unwrap_err();
        let told = told.lock().unwrap();
        let expected = format!("waiting for the database at 127.0.0.1:{port}, 1st try");
        assert!(told[0].starts_with(&expected), "{told:?}");
    }
}
