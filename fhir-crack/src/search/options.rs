use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};

use crate::search::auth::Auth;
use crate::search::envelope::page::Format;
use crate::search::error::Error;
use crate::search::event::{Event, Listener};
use crate::search::secret::Secret;
use crate::search::url::endpoint::Endpoint;
use crate::search::url::link::Origins;
use crate::search::wire::retry::RetryPolicy;
use crate::search::wire::tls::Tls;

/// How to talk to one server; [`Client::new`](crate::search::Client::new) takes it.
///
/// `Debug` shows the base URL and the limits, no credentials and no header values.
#[derive(Clone)]
pub struct ClientOptions {
    pub(crate) endpoint: Endpoint,
    pub(crate) auth: Auth,
    pub(crate) format: Format,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) origins: Origins,
    pub(crate) retry: RetryPolicy,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) total_check: bool,
    pub(crate) tls: Tls,
    pub(crate) proxy: Option<reqwest::Proxy>,
    pub(crate) listener: Option<Listener>,
}

/// Limits of a client: every loop and buffer has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests on their way to the server at one time, at most.
    pub lanes: u32,
    /// Pages of a search fetched before the caller has asked for them.
    pub read_ahead: usize,
    /// Bytes of such pages together, of all searches that run together; one page always fits.
    pub read_ahead_bytes: usize,
    /// Bytes of one body, decompressed, however often it was compressed; more end the search.
    pub body_bytes: usize,
    /// Bytes that a body may take beside others; beyond them only one at a time grows.
    pub large_bodies: usize,
    /// Pages of one search; more end it.
    pub pages: u32,
    /// Bytes of the pages of one search, decompressed; more end it.
    pub search_bytes: u64,
    /// Matches of a search for each one that its `Bundle.total` announced; more end it.
    pub beyond_total: u64,
    /// Pages in a row that may bring no resource that had not come before.
    pub idle_pages: u32,
    /// Times a search may begin anew, because a paging link expired or the server's set changed on the way.
    pub restarts: u32,
    /// Redirects followed for one request.
    pub redirects: u32,
    /// Length of a URL in bytes; beyond it a search goes by POST, and id lists sent by GET are split.
    pub url_bytes: usize,
    /// Part of `url_bytes` kept free of ids when an id list is split.
    pub url_reserve: usize,
    /// How long a bulk data export may take the server to make.
    pub export_patience: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            lanes: 8,
            read_ahead: 4,
            read_ahead_bytes: 32 << 20,
            body_bytes: 128 << 20,
            large_bodies: 16 << 20,
            pages: 1_000_000,
            search_bytes: 64 << 30,
            beyond_total: 10,
            idle_pages: 200,
            restarts: 3,
            redirects: 5,
            url_bytes: 2083,
            url_reserve: 300,
            export_patience: Duration::from_secs(24 * 3600),
        }
    }
}

/// How long the client waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, its encryption included.
    pub connect: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
    /// For one request from sending to the body's last byte.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(30),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(1800),
        }
    }
}

impl Timeouts {
    /// For a token endpoint: as long as a connection and a silence may take, since its answers are small.
    pub(crate) fn token(&self) -> Duration {
        (self.connect + self.idle).min(self.total)
    }
}

impl ClientOptions {
    /// Options for the server at a base URL, with or without a slash at its end.
    ///
    /// # Errors
    /// The URL cannot be read, is not http(s), or holds a user, password, query or fragment.
    pub fn new(base_url: &str) -> Result<ClientOptions, Error> {
        Ok(ClientOptions {
            endpoint: Endpoint::parse(base_url)?,
            auth: Auth::None,
            format: Format::Json,
            headers: Vec::new(),
            origins: Origins::default(),
            retry: RetryPolicy::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            total_check: true,
            tls: Tls::new(),
            proxy: None,
            listener: None,
        })
    }

    /// Sets the credentials.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> ClientOptions {
        self.auth = auth;
        self
    }

    /// Sets the format to ask for; an answer in the other one is taken all the same.
    #[must_use]
    pub fn format(mut self, format: Format) -> ClientOptions {
        self.format = format;
        self
    }

    /// Adds a header to every request to the configured origin.
    ///
    /// # Errors
    /// Name or value hold characters that a header must not have.
    pub fn header(mut self, name: &str, value: &Secret) -> Result<ClientOptions, Error> {
        let name =
            HeaderName::try_from(name).map_err(|_| Error::configuration("a header's name cannot be sent"))?;
        let mut value = HeaderValue::try_from(value.expose())
            .map_err(|_| Error::configuration(format!("the value of header {name} cannot be sent")))?;
        value.set_sensitive(true);
        self.headers.push((name, value));
        Ok(self)
    }

    /// Allows links to another origin (scheme, host, port); credentials and extra headers are not sent there.
    ///
    /// # Errors
    /// The origin is no http(s) URL.
    pub fn allow_origin(mut self, origin: &str) -> Result<ClientOptions, Error> {
        self.origins.allowed.push(origin_url(origin)?);
        Ok(self)
    }

    /// Allows links to another origin as [`allow_origin`](ClientOptions::allow_origin) does, and sends credentials and
    /// extra headers there too.
    ///
    /// # Errors
    /// The origin is no http(s) URL.
    pub fn trust_origin(mut self, origin: &str) -> Result<ClientOptions, Error> {
        self.origins.trusted.push(origin_url(origin)?);
        Ok(self)
    }

    /// Names another origin the server uses for itself in its links, as servers behind a proxy do; such links are
    /// asked at the configured origin. Links whose path agrees with the base URL are so without being named.
    ///
    /// # Errors
    /// The origin is no http(s) URL.
    pub fn alias_origin(mut self, origin: &str) -> Result<ClientOptions, Error> {
        self.origins.aliases.push(origin_url(origin)?);
        Ok(self)
    }

    /// Sets when requests are repeated.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> ClientOptions {
        self.retry = retry;
        self
    }

    /// Changes limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> ClientOptions {
        change(&mut self.limits);
        self
    }

    /// Sets the times to wait.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> ClientOptions {
        self.timeouts = timeouts;
        self
    }

    /// Whether fewer resources than `Bundle.total` announced are an error (the default). To be switched off only for
    /// a server whose totals are known to be estimates.
    #[must_use]
    pub fn total_check(mut self, check: bool) -> ClientOptions {
        self.total_check = check;
        self
    }

    /// Sets certificates beside those of the system.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> ClientOptions {
        self.tls = tls;
        self
    }

    /// Sends all requests through a proxy; without it the environment's `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`
    /// are obeyed.
    ///
    /// # Errors
    /// The proxy's URL cannot be read.
    pub fn proxy(mut self, url: &Secret) -> Result<ClientOptions, Error> {
        let proxy = reqwest::Proxy::all(url.expose())
            .map_err(|_| Error::configuration("the proxy's URL cannot be read"))?;
        self.proxy = Some(proxy.no_proxy(reqwest::NoProxy::from_env()));
        Ok(self)
    }

    /// Calls `listener` for every [`Event`], from the task at work; it must return at once.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> ClientOptions {
        self.listener = Some(Arc::new(listener));
        self
    }
}

fn origin_url(text: &str) -> Result<Url, Error> {
    match Url::parse(text) {
        Ok(url) if url.origin().is_tuple() => Ok(url),
        _ => Err(Error::configuration(
            "an origin must be written as http(s)://host[:port]",
        )),
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ClientOptions")
            .field("endpoint", &self.endpoint.shown())
            .field("auth", &self.auth)
            .field("format", &self.format)
            .field("headers", &names)
            .field("retry", &self.retry)
            .field("limits", &self.limits)
            .field("timeouts", &self.timeouts)
            .field("total_check", &self.total_check)
            .finish_non_exhaustive()
    }
}
