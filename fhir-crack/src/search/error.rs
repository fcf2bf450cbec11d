use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Why a request or a search ended without its result.
///
/// The text never holds a query string, a token, a header or a part of a body: it names the configured server, the
/// resource type, the page and what had arrived.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: Place,
    received: Received,
    attempts: u32,
    issues: Vec<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option or search cannot be used; the text says which, never its secret.
    Configuration(String),
    /// A secret could not be read from its file or command.
    Secret,
    /// No connection, or it broke before the answer's head.
    Connect,
    /// The server was silent for longer than a limit allows.
    Timeout(Phase),
    /// The body ended before its announced end, or its compression could not be undone.
    Truncated,
    /// The body passed the configured limit of bytes.
    TooLarge,
    /// The server answered with this status.
    Status(u16),
    /// The server refused the credentials (401), also after one renewal.
    Unauthorized,
    /// The token endpoint gave no token.
    Token,
    /// An OperationOutcome stood where a result was due.
    Outcome,
    /// The body is neither a Bundle nor an OperationOutcome that can be read to its end.
    Malformed,
    /// A next link or redirect came a second time.
    Loop,
    /// A link or redirect leads to an origin (scheme, host, port; named here) that is not allowed.
    ForeignOrigin(String),
    /// A link is no URL that can be followed.
    Link,
    /// The server refused a paging link it gave (404 or 410), and fresh starts of the search did not help.
    ExpiredLink,
    /// Many pages in a row brought nothing new.
    NoProgress,
    /// The search passed the configured limit of pages.
    TooManyPages,
    /// The server announced more resources (`Bundle.total`) than arrived.
    TooFew {
        /// Distinct matches announced by the server.
        expected: u64,
        /// Distinct matches that arrived.
        received: u64,
    },
    /// Files of the spool or export could not be read or written.
    Spool,
    /// The bulk data export failed or its manifest cannot be used.
    Export,
    /// The stream was asked again after its error, or its task is gone.
    Ended,
}

/// Which limit of time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// While connecting.
    Connect,
    /// Between two chunks of the body.
    Idle,
    /// The request as a whole.
    Total,
}

/// Where an error belongs: server, resource type, batch and page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Configured base URL without user, query and fragment.
    pub endpoint: String,
    /// Resource type, or the operation such as `metadata`.
    pub resource: String,
    /// Number of the search among several that run together, counted from 0.
    pub search: Option<usize>,
    /// Page that was asked for, counted from 1.
    pub page: Option<u32>,
}

/// What had arrived before an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Pages handed over.
    pub pages: u32,
    /// Entries on these pages, duplicates counted.
    pub entries: u64,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Error {
        Error(Box::new(Inner {
            kind,
            place: Place::default(),
            received: Received::default(),
            attempts: 0,
            issues: Vec::new(),
            source: None,
        }))
    }

    pub(crate) fn configuration(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::Configuration(text.into()))
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Error {
        self.0.source = Some(Box::new(source));
        self
    }

    pub(crate) fn with_boxed_source(mut self, source: Option<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = source;
        self
    }

    pub(crate) fn at(mut self, place: &Place) -> Error {
        self.0.place = place.clone();
        self
    }

    pub(crate) fn after(mut self, received: Received) -> Error {
        self.0.received = received;
        self
    }

    pub(crate) fn tried(mut self, attempts: u32, issues: Vec<&'static str>) -> Error {
        self.0.attempts = attempts;
        self.0.issues = issues;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where it went wrong.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// What had arrived before.
    pub fn received(&self) -> Received {
        self.0.received
    }

    /// Requests sent for the page that failed; 0 if none was.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Codes of the OperationOutcome that came with the failure (value set issue-type, FHIR R4); a code outside the
    /// value set reads `unknown`. Diagnostics and details are never kept: they may hold patient data.
    pub fn issues(&self) -> &[&'static str] {
        &self.0.issues
    }

    /// HTTP status behind the error, if the server answered.
    pub fn status(&self) -> Option<u16> {
        match self.0.kind {
            ErrorKind::Status(status) => Some(status),
            ErrorKind::Unauthorized => Some(401),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Configuration(text) => f.write_str(text),
            ErrorKind::Secret => f.write_str("a secret cannot be read"),
            ErrorKind::Connect => f.write_str("no connection"),
            ErrorKind::Timeout(Phase::Connect) => f.write_str("no connection in the time allowed"),
            ErrorKind::Timeout(Phase::Idle) => f.write_str("the server fell silent"),
            ErrorKind::Timeout(Phase::Total) => f.write_str("no complete answer in the time allowed"),
            ErrorKind::Truncated => f.write_str("the body broke off"),
            ErrorKind::TooLarge => f.write_str("the body is larger than the limit"),
            ErrorKind::Status(status) => write!(f, "the server answered {status}"),
            ErrorKind::Unauthorized => f.write_str("the server refused the credentials (401)"),
            ErrorKind::Token => f.write_str("the token endpoint gave no token"),
            ErrorKind::Outcome => f.write_str("the server answered with an OperationOutcome"),
            ErrorKind::Malformed => f.write_str("the body is no complete FHIR Bundle"),
            ErrorKind::Loop => f.write_str("the server's links go in a circle"),
            ErrorKind::ForeignOrigin(origin) => write!(
                f,
                "a link leads to {origin}, which is not allowed: name it in FHIR_SERVER_ALIASES if it is this server, \
                 or in FHIR_ALLOWED_LINK_ORIGINS if it may be asked"
            ),
            ErrorKind::Link => f.write_str("a link cannot be followed"),
            ErrorKind::ExpiredLink => f.write_str("the server no longer knows its own paging link"),
            ErrorKind::NoProgress => f.write_str("page after page brings nothing new"),
            ErrorKind::TooManyPages => f.write_str("more pages than the limit"),
            ErrorKind::TooFew { expected, received } => {
                write!(
                    f,
                    "the server announced {expected} resources and delivered {received}"
                )
            }
            ErrorKind::Spool => f.write_str("files of the spool cannot be used"),
            ErrorKind::Export => f.write_str("the bulk data export failed"),
            ErrorKind::Ended => f.write_str("the stream has ended"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            place,
            received,
            attempts,
            issues,
            ..
        } = &*self.0;
        if let Some(page) = place.page {
            write!(f, "page {page} of ")?;
        }
        if !place.resource.is_empty() {
            write!(f, "{} ", place.resource)?;
        }
        if let Some(search) = place.search {
            write!(f, "(search {search}) ")?;
        }
        if !place.endpoint.is_empty() {
            write!(f, "from {}", place.endpoint)?;
        }
        if *place != Place::default() {
            f.write_str(": ")?;
        }
        write!(f, "{kind}")?;
        if !issues.is_empty() {
            write!(f, " [{}]", issues.join(", "))?;
        }
        if *attempts > 1 {
            write!(f, " after {attempts} attempts")?;
        }
        if place.page.is_some() {
            write!(
                f,
                "; incomplete, received before: {} pages, {} entries",
                received.pages, received.entries
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            place,
            received,
            attempts,
            issues,
            source,
        } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("place", place)
            .field("received", received)
            .field("attempts", attempts)
            .field("issues", issues)
            .field("source", &source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// One attempt's failure, before the retry loop has decided what to do.
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) issues: Vec<&'static str>,
    pub(crate) retry: bool,
    pub(crate) wait: Option<Duration>,
    pub(crate) source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Fault {
    /// A failure that another attempt will not change.
    pub(crate) fn fatal(kind: ErrorKind) -> Fault {
        Fault {
            kind,
            issues: Vec::new(),
            retry: false,
            wait: None,
            source: None,
        }
    }

    /// A failure that another attempt may get past.
    pub(crate) fn transient(kind: ErrorKind) -> Fault {
        Fault {
            retry: true,
            ..Fault::fatal(kind)
        }
    }

    pub(crate) fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Fault {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn with_issues(mut self, issues: Vec<&'static str>) -> Fault {
        self.issues = issues;
        self
    }

    pub(crate) fn into_error(self, place: &Place, attempts: u32) -> Error {
        Error::new(self.kind)
            .with_boxed_source(self.source)
            .at(place)
            .tried(attempts, self.issues)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn display_names_page_and_what_arrived() {
        let place = Place {
            endpoint: "http://h/fhir".into(),
            resource: "Encounter".into(),
            search: None,
            page: Some(3),
        };
        let error = Error::new(ErrorKind::Status(503))
            .at(&place)
            .after(Received {
                pages: 2,
                entries: 200,
            })
            .tried(6, vec!["transient"]);
        assert_eq!(
            error.to_string(),
            "page 3 of Encounter from http://h/fhir: the server answered 503 [transient] after 6 attempts; \
             incomplete, received before: 2 pages, 200 entries"
        );
    }
}
