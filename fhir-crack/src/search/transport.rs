use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RANGE,
};
use reqwest::{StatusCode, Url, redirect};

use super::auth::Credentials;
use super::download;
use super::envelope::{Envelope, Root};
use super::error::{Error, ErrorKind, Fault, Phase, Place};
use super::event::Event;
use super::issue::Issue;
use super::lanes::{Lanes, Signal};
use super::options::ClientOptions;
use super::retry::{is_transient, retry_after};

/// Bytes of a body that are made room for before they come.
const PLAUSIBLE: usize = 16 << 20;

/// Sends requests to one server and repeats those whose failure may pass.
pub(crate) struct Transport {
    pub(crate) options: ClientOptions,
    http: reqwest::Client,
    /// The same without decompression, for answers whose compression cannot be undone.
    plain: reqwest::Client,
    lanes: Lanes,
    credentials: Credentials,
    /// Until when the server asked all its clients to wait.
    closed_until: Mutex<Option<Instant>>,
}

/// One request, to be sent as often as it takes.
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// A file that takes the body of a success; what it holds already is not asked for again.
    pub(crate) into: Option<PathBuf>,
    /// Leaves the credentials out.
    pub(crate) anonymous: bool,
}

/// The request's method; a search by POST carries its form.
pub(crate) enum Verb {
    Get,
    Post(String),
    Delete,
}

/// An answer with its whole body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// URL that gave the answer, behind all redirects.
    pub(crate) url: Url,
    pub(crate) elapsed: Duration,
}

impl Call {
    pub(crate) fn get(url: Url, accept: &'static str) -> Call {
        Call {
            verb: Verb::Get,
            url,
            accept,
            headers: Vec::new(),
            into: None,
            anonymous: false,
        }
    }

    pub(crate) fn post(url: Url, form: String, accept: &'static str) -> Call {
        Call {
            verb: Verb::Post(form),
            ..Call::get(url, accept)
        }
    }
}

impl Transport {
    pub(crate) fn new(options: ClientOptions) -> Result<Transport, Error> {
        let tls = options.tls.config()?;
        let build = |plain: bool| {
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(options.timeouts.connect)
                .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
            if plain {
                builder = builder.no_gzip().no_deflate().no_brotli().no_zstd();
            }
            if let Some(proxy) = &options.proxy {
                builder = builder.proxy(proxy.clone());
            }
            builder.build().map_err(|error| {
                Error::configuration("the HTTP client cannot be set up").with_source(error.without_url())
            })
        };
        let http = build(false)?;
        Ok(Transport {
            credentials: Credentials::new(options.auth.clone(), http.clone(), options.timeouts.token())?,
            plain: build(true)?,
            http,
            lanes: Lanes::new(options.limits.lanes),
            closed_until: Mutex::new(None),
            options,
        })
    }

    /// Sends a call until `read` accepts its answer, as the retry policy allows.
    pub(crate) async fn exchange<T>(
        &self,
        call: &Call,
        place: &Place,
        read: impl Fn(&Reply) -> Result<T, Fault>,
    ) -> Result<(Reply, T), Error> {
        let begun = Instant::now();
        let mut attempts = 0;
        let mut renewed = false;
        let mut decompress = true;
        loop {
            self.wait_until_open().await;
            let lane = self.lanes.enter().await;
            let (stamp, outcome) = match self.credentials.header().await {
                Ok((header, stamp)) => {
                    attempts += 1;
                    (Some(stamp), self.attempt(call, header, decompress).await)
                }
                Err(fault) => {
                    attempts += 1;
                    (None, Err(fault))
                }
            };
            drop(lane);
            let outcome = outcome.and_then(|reply| match read(&reply) {
                Ok(value) => Ok((reply, value)),
                Err(fault) => Err(fault),
            });
            let mut fault = match outcome {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            if fault.kind == ErrorKind::Unauthorized
                && !renewed
                && let Some(stamp) = stamp
                && self.credentials.can_renew()
            {
                match self.credentials.renew(stamp).await {
                    Ok(()) => {
                        renewed = true;
                        self.tell(|| Event::TokenRenewed);
                        continue;
                    }
                    Err(other) => fault = other,
                }
            }
            if matches!(fault.kind, ErrorKind::Status(429 | 503) | ErrorKind::Timeout(_)) {
                self.learn(Signal::Overload);
            }
            if fault.kind == ErrorKind::Truncated {
                decompress = !decompress;
            }
            let wait = if fault.retry {
                self.options.retry.wait(attempts, begun.elapsed(), fault.wait)
            } else {
                None
            };
            let Some(wait) = wait else {
                return Err(fault.into_error(place, attempts));
            };
            if fault.wait.is_some() {
                self.close_for(wait);
            }
            tracing::debug!(
                resource = %place.resource, page = place.page, attempts, kind = %fault.kind,
                wait_ms = wait.as_millis(), "request will be repeated"
            );
            self.tell(|| Event::Retry {
                place: place.clone(),
                kind: fault.kind.clone(),
                attempts,
                wait,
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// Calls the listener, if there is one.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(listener) = &self.options.listener {
            listener(&event());
        }
    }

    fn learn(&self, signal: Signal) {
        if let Some(limit) = self.lanes.learn(signal) {
            self.tell(|| Event::Lanes { limit });
        }
    }

    async fn wait_until_open(&self) {
        loop {
            let until = *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until.into()).await,
                _ => return,
            }
        }
    }

    fn close_for(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut closed = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.is_none_or(|old| old < until) {
            *closed = Some(until);
        }
    }

    /// One request with its redirects, within the total time.
    async fn attempt(
        &self,
        call: &Call,
        auth: Option<HeaderValue>,
        decompress: bool,
    ) -> Result<Reply, Fault> {
        let sent = self.follow(call, auth, decompress);
        match tokio::time::timeout(self.options.timeouts.total, sent).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::transient(ErrorKind::Timeout(Phase::Total))),
        }
    }

    async fn follow(&self, call: &Call, auth: Option<HeaderValue>, decompress: bool) -> Result<Reply, Fault> {
        let begun = Instant::now();
        let mut url = call.url.clone();
        let mut as_get = false;
        let mut hops = 0;
        let offset = match &call.into {
            Some(path) => download::length(path).await,
            None => 0,
        };
        // bytes of a compressed body cannot be counted, so a file is asked for as it is
        let decompress = decompress && call.into.is_none();
        loop {
            let auth = auth.as_ref().filter(|_| !call.anonymous);
            let response = self.send(call, &url, as_get, auth, decompress, offset).await?;
            self.learn(Signal::Answered(begun.elapsed()));
            let status = response.status();
            let location = if status.is_redirection() {
                response.headers().get(LOCATION).cloned()
            } else {
                None
            };
            let Some(location) = location else {
                let headers = response.headers().clone();
                if status == StatusCode::RANGE_NOT_SATISFIABLE
                    && let Some(path) = &call.into
                    && offset > 0
                {
                    // what is in the file is not the beginning of what the server has
                    download::discard(path).await?;
                    return Err(Fault::transient(ErrorKind::Truncated));
                }
                let body = match &call.into {
                    Some(path) if status.is_success() => {
                        download::save(response, path, offset, self.options.timeouts.idle).await?;
                        Bytes::new()
                    }
                    _ => self.gunzip(self.body(response).await?)?,
                };
                return Ok(Reply {
                    status: status.as_u16(),
                    headers,
                    body,
                    url,
                    elapsed: begun.elapsed(),
                });
            };
            hops += 1;
            if hops > self.options.limits.redirects {
                return Err(Fault::fatal(ErrorKind::Loop));
            }
            let target = location.to_str().map_err(|_| Fault::fatal(ErrorKind::Link))?;
            let target = url.join(target).map_err(|_| Fault::fatal(ErrorKind::Link))?;
            url = self
                .options
                .origins
                .admit(target, &self.options.endpoint)
                .map_err(Fault::fatal)?;
            // 303 is the one status that asks for GET; a search by POST is safe to send again
            as_get |= status == StatusCode::SEE_OTHER;
        }
    }

    async fn send(
        &self,
        call: &Call,
        url: &Url,
        as_get: bool,
        auth: Option<&HeaderValue>,
        decompress: bool,
        offset: u64,
    ) -> Result<reqwest::Response, Fault> {
        let http = if decompress { &self.http } else { &self.plain };
        let mut request = match &call.verb {
            Verb::Get => http.get(url.clone()),
            Verb::Delete => http.delete(url.clone()),
            Verb::Post(_) if as_get => http.get(url.clone()),
            Verb::Post(form) => http
                .post(url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone()),
        };
        request = request.header(ACCEPT, call.accept);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if !decompress {
            request = request.header(ACCEPT_ENCODING, "identity");
        }
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        // the one place where credentials are put on a request, so this is the one guard they need
        if self.options.endpoint.is_origin_of(url) {
            for (name, value) in &self.options.headers {
                request = request.header(name, value);
            }
            if let Some(auth) = auth {
                request = request.header(AUTHORIZATION, auth);
            }
        }
        request.send().await.map_err(sending_failed)
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Bytes, Fault> {
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        let limit = self.options.limits.body_bytes;
        if announced > limit {
            return Err(Fault::fatal(ErrorKind::TooLarge));
        }
        // what a header announces is room to take only as far as it is plausible
        let mut body = BytesMut::with_capacity(announced.min(PLAUSIBLE));
        loop {
            let chunk = tokio::time::timeout(self.options.timeouts.idle, response.chunk()).await;
            match chunk {
                Err(_) => return Err(Fault::transient(ErrorKind::Timeout(Phase::Idle))),
                Ok(Err(error)) => {
                    return Err(Fault::transient(ErrorKind::Truncated).caused_by(error.without_url()));
                }
                Ok(Ok(None)) => return Ok(body.freeze()),
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > limit => {
                    return Err(Fault::fatal(ErrorKind::TooLarge));
                }
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            }
        }
    }

    /// Undoes gzip where the bytes are gzip, whatever the header says.
    fn gunzip(&self, body: Bytes) -> Result<Bytes, Fault> {
        if !body.starts_with(&[0x1F, 0x8B]) {
            return Ok(body);
        }
        let limit = self.options.limits.body_bytes;
        let mut out = Vec::new();
        let read = flate2::read::MultiGzDecoder::new(&*body)
            .take(limit as u64 + 1)
            .read_to_end(&mut out);
        match read {
            Ok(_) if out.len() > limit => Err(Fault::fatal(ErrorKind::TooLarge)),
            Ok(_) => Ok(out.into()),
            Err(error) => Err(Fault::transient(ErrorKind::Truncated).caused_by(error)),
        }
    }
}

impl Reply {
    /// The fault behind an answer that is no success, by its status and its OperationOutcome.
    pub(crate) fn success(&self) -> Result<(), Fault> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let issues = match Envelope::read(&self.body) {
            Some((_, envelope)) if envelope.root == Root::OperationOutcome => Issue::codes(&envelope.issues),
            _ => Vec::new(),
        };
        let kind = if self.status == 401 {
            ErrorKind::Unauthorized
        } else {
            ErrorKind::Status(self.status)
        };
        let mut fault = Fault::fatal(kind).with_issues(issues);
        fault.retry = is_transient(self.status);
        if fault.retry {
            fault.wait = retry_after(&self.headers);
        }
        Err(fault)
    }
}

fn sending_failed(error: reqwest::Error) -> Fault {
    let kind = if error.is_timeout() {
        ErrorKind::Timeout(if error.is_connect() {
            Phase::Connect
        } else {
            Phase::Total
        })
    } else if error.is_builder() {
        return Fault::fatal(ErrorKind::Link);
    } else {
        ErrorKind::Connect
    };
    Fault::transient(kind).caused_by(error.without_url())
}
