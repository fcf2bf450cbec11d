//! Whether FHIR server and hub can be reached: known in two seconds, and told while somebody waits.

use std::time::{Duration, Instant};

use cds_hub::{Hub, HubOptions};
use site_config::Database;
use table_description::Description;
use tokio::net::TcpStream;

use crate::config::ServerSettings;
use crate::{Error, ErrorKind, Result};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(2);
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

    /// Tries until it succeeds or the patience is at its end; gives the last failure.
    async fn try_until<T, E: std::fmt::Display>(
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

/// Connects to host and port; the text of a failure holds neither.
async fn connect(host: &str, port: u16) -> std::result::Result<(), String> {
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

/// Whether somebody listens where the FHIR server should be. Behind a proxy nothing is tried, as only the proxy knows.
///
/// # Errors
/// When nobody does after all patience; the text names host and port and what to do.
pub async fn server(settings: &ServerSettings, patience: Patience<'_>) -> Result<()> {
    let variables = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ];
    let Some((host, port)) = address(&settings.endpoint) else {
        return Ok(());
    };
    if settings.proxy.is_some() || variables.iter().any(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    let what = format!("the FHIR server at {host}:{port}");
    patience
        .try_until(&what, async || connect(host, port).await, |_| true)
        .await
        .map_err(|cause| {
            let next =
                "start it, correct FHIR_SERVER_ENDPOINT, or look with cds2db config check FILE --connect";
            Error::new(
                ErrorKind::Unreachable,
                format!("{what} cannot be reached ({cause}); {next}"),
            )
        })
}

/// Host and port of a URL that has been checked; a host in brackets without them.
fn address(endpoint: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = endpoint.split_once("://")?;
    let authority = rest.split('/').next()?;
    let default = if scheme.eq_ignore_ascii_case("https") {
        443
    } else {
        80
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, default),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some((host, port))
}

/// Opens the hub.
///
/// # Errors
/// When it cannot be reached after all patience, or refuses; the text names host, port and what to do.
pub async fn hub(database: &Database, patience: Patience<'_>) -> Result<Hub> {
    let place = database.place();
    let what = format!("the database at {place}");
    let is_socket = database.host.starts_with('/');
    let options = HubOptions {
        password: database.password.clone(),
        ..HubOptions::new(database.url())
    };
    let attempt = async || -> std::result::Result<Hub, Failure> {
        if !is_socket {
            connect(&database.host, database.port)
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

/// Why a hub could not be opened.
enum Failure {
    /// Nobody answers.
    Nobody(String),
    /// Somebody answers and refuses.
    Hub(cds_hub::Error),
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
                    || (state.is_none() && error.kind() == cds_hub::ErrorKind::Connect)
            }
        }
    }

    fn into_error(self, what: &str, database: &Database) -> Error {
        let error = match self {
            Self::Nobody(why) => {
                let text =
                    format!("{what} cannot be reached ({why}); start it, or correct DB_HOST and DB_PORT");
                return Error::new(ErrorKind::Unreachable, text);
            }
            Self::Hub(error) => error,
        };
        let text = match error.sqlstate() {
            Some("28P01" | "28000") => format!(
                "{what} refuses user {}; its password is DB_CDS2DB_PASSWORD in the file of the database or CDS2DB_DB_CDS2DB_PASSWORD in the environment, and cds-hub init --passwords sets it",
                database.user
            ),
            Some("3D000") => format!(
                "{what} has no database {}; make it, then cds-hub init",
                database.name
            ),
            _ if error.kind() == cds_hub::ErrorKind::Connect => format!(
                "{what} answers but no connection comes about; look at DB_SSL_MODE, DB_SSL_CA_FILE and the server's certificate"
            ),
            _ => format!("{what} refuses the connection"),
        };
        Error::new(ErrorKind::Hub, text).because(error)
    }
}

/// Whether the hub is one, and has the tables that a description asks for.
///
/// # Errors
/// When it has not; the text names the command that mends it.
pub async fn fits(hub: &Hub, description: &Description, database: &Database) -> Result<()> {
    hub.fits(description).await.map_err(|error| {
        let place = format!("the hub in database {} at {}", database.name, database.place());
        Error::new(ErrorKind::Hub, format!("{place} is not as this program needs it")).because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_urls() {
        for (url, expected) in [
            ("http://h/fhir", Some(("h", 80))),
            ("https://h", Some(("h", 443))),
            ("http://h:8080/fhir", Some(("h", 8080))),
            ("http://[::1]:8080/fhir", Some(("::1", 8080))),
            ("http://[::1]/", Some(("::1", 80))),
            ("h", None),
        ] {
            assert_eq!(address(url), expected, "{url}");
        }
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 112].map(nth).join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 112th"
        );
    }

    /// A port that nobody listens on: known at once, told at each try, ended in time.
    #[tokio::test]
    async fn who_is_not_there_is_known_in_two_seconds_and_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let told = std::sync::Mutex::new(Vec::new());
        let say = |text: &str| told.lock().expect("alone").push(text.to_owned());
        let mut database = Database::of_module("CDS2DB");
        (database.host, database.port) = ("127.0.0.1".to_owned(), port);
        let at_once = Patience {
            wait: Duration::ZERO,
            told: &say,
        };
        let begin = Instant::now();
        let error = hub(&database, at_once).await.expect_err("nobody there");
        assert!(begin.elapsed() < TRY, "{:?}", begin.elapsed());
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(
            error.to_string().contains(&format!("127.0.0.1:{port}")) && error.to_string().contains("DB_PORT"),
            "{error}"
        );
        assert!(told.lock().expect("alone").is_empty());
        let settings = ServerSettings {
            endpoint: format!("http://127.0.0.1:{port}/fhir"),
            ..ServerSettings::default()
        };
        let patient = Patience {
            wait: Duration::from_secs(2),
            told: &say,
        };
        let error = server(&settings, patient).await.expect_err("nobody there");
        assert!(error.to_string().contains("FHIR_SERVER_ENDPOINT"), "{error}");
        let told = told.lock().expect("alone");
        assert!(
            told[0].starts_with(&format!(
                "waiting for the FHIR server at 127.0.0.1:{port}, 1st try"
            )),
            "{told:?}"
        );
    }
}
