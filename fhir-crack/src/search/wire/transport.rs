use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RANGE};
use reqwest::{StatusCode, Url, redirect};
use tokio::sync::Semaphore;

use super::{body, download};
use crate::search::auth::{Credentials, Stamp};
use crate::search::error::{Error, ErrorKind, Fault, Phase, Place};
use crate::search::event::Event;
use crate::search::options::ClientOptions;
use crate::search::url::link::{foreign, is_post};
use crate::search::wire::body::BodyLimits;
use crate::search::wire::call::{Call, Reply, Verb};
use crate::search::wire::lanes::{Lanes, Signal};

/// Sends requests to one server and repeats those whose failure may pass.
pub(crate) struct Transport {
    pub(crate) options: ClientOptions,
    http: reqwest::Client,
    /// The same without decompression, for answers whose compression cannot be undone.
    plain: reqwest::Client,
    lanes: Lanes,
    /// Lets one large body grow at a time.
    large: Semaphore,
    credentials: Credentials,
    /// Until when the server asked all its clients to wait.
    closed_until: Mutex<Option<Instant>>,
}

/// How far the attempts at one call have come.
struct Course {
    begun: Instant,
    attempts: u32,
    /// The token of the last attempt.
    stamp: Option<Stamp>,
    renewed: bool,
    decompress: bool,
}

impl Course {
    fn new(attempts: u32) -> Course {
        Course {
            begun: Instant::now(),
            attempts,
            stamp: None,
            renewed: false,
            decompress: true,
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
            large: Semaphore::new(1),
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
        self.exchange_from(call, place, read, 0, None).await
    }

    /// Goes on with a call that was sent `attempts` times already, the last time in vain.
    pub(crate) async fn exchange_again<T>(
        &self,
        call: &Call,
        place: &Place,
        read: impl Fn(&Reply) -> Result<T, Fault>,
        attempts: u32,
        fault: Fault,
    ) -> Result<(Reply, T), Error> {
        self.exchange_from(call, place, read, attempts, Some(fault)).await
    }

    async fn exchange_from<T>(
        &self,
        call: &Call,
        place: &Place,
        read: impl Fn(&Reply) -> Result<T, Fault>,
        attempts: u32,
        mut earlier: Option<Fault>,
    ) -> Result<(Reply, T), Error> {
        let mut course = Course::new(attempts);
        loop {
            let outcome = match earlier.take() {
                Some(fault) => Err(fault),
                None => self.attempt(call, &mut course).await,
            };
            let outcome = outcome.and_then(|reply| read(&reply).map(|value| (reply, value)));
            let fault = match outcome {
                Ok((reply, value)) => {
                    return Ok((
                        Reply {
                            attempts: course.attempts,
                            ..reply
                        },
                        value,
                    ));
                }
                Err(fault) => fault,
            };
            let Some(fault) = self.renew(fault, &mut course).await else {
                continue;
            };
            if matches!(fault.kind, ErrorKind::Status(429 | 503) | ErrorKind::Timeout(_)) {
                self.learn(Signal::Overload);
            }
            if fault.kind == ErrorKind::Truncated {
                course.decompress = !course.decompress;
            }
            let (attempts, spent) = (course.attempts, course.begun.elapsed());
            let wait = if fault.retry {
                self.options.retry.wait(attempts, spent, fault.wait)
            } else {
                None
            };
            let Some(wait) = wait else {
                return Err(fault.into_error(place, attempts));
            };
            if fault.wait.is_some() {
                self.close_for(wait);
            }
            tracing::debug!(attempts, kind = %fault.kind, wait_ms = wait.as_millis(), "request will be repeated");
            self.tell(|| Event::Retry {
                place: place.clone(),
                kind: fault.kind.clone(),
                attempts,
                wait,
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// One request, when there is room for it and the server wants any.
    async fn attempt(&self, call: &Call, course: &mut Course) -> Result<Reply, Fault> {
        self.wait_until_open().await;
        let _lane = self.lanes.enter().await;
        course.attempts += 1;
        let (header, stamp) = self.credentials.header().await?;
        course.stamp = Some(stamp);
        match tokio::time::timeout(
            self.options.timeouts.total,
            self.follow(call, header, course.decompress),
        )
        .await
        {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::transient(ErrorKind::Timeout(Phase::Total))),
        }
    }

    /// Replaces a token that was refused, once in a course; gives the fault back where there is nothing to renew.
    async fn renew(&self, fault: Fault, course: &mut Course) -> Option<Fault> {
        let Some(stamp) = course.stamp.take() else {
            return Some(fault);
        };
        if fault.kind != ErrorKind::Unauthorized || course.renewed || !self.credentials.can_renew() {
            return Some(fault);
        }
        if let Err(fault) = self.credentials.renew(stamp).await {
            return Some(fault);
        }
        course.renewed = true;
        self.tell(|| Event::TokenRenewed);
        None
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

    /// One request with its redirects.
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
                    _ => {
                        let limits = BodyLimits {
                            most: self.options.limits.body_bytes,
                            large: self.options.limits.large_bodies,
                            idle: self.options.timeouts.idle,
                        };
                        body::read(response, limits, &self.large).await?
                    }
                };
                return Ok(Reply {
                    status: status.as_u16(),
                    headers,
                    body,
                    url,
                    elapsed: begun.elapsed(),
                    attempts: 0,
                });
            };
            hops += 1;
            if hops > self.options.limits.redirects {
                return Err(Fault::fatal(ErrorKind::Loop));
            }
            let target = location.to_str().map_err(|_| Fault::fatal(ErrorKind::Link))?;
            let target = url.join(target).map_err(|_| Fault::fatal(ErrorKind::Link))?;
            let origins = &self.options.origins;
            let admitted = origins.admit(target.clone(), &self.options.endpoint, "");
            let next = admitted.map_err(Fault::fatal)?.url;
            if next == url && target != url {
                // such as http redirected to https: asked at the configured origin it would be redirected again
                return Err(Fault::fatal(foreign(&target)));
            }
            url = next;
            // A search by POST is safe to send again where the search moved to; 303 says that the result stands elsewhere,
            // and so do 301 and 302 where the new place is no search.
            let found = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND);
            as_get |= status == StatusCode::SEE_OTHER || found && !is_post(&url);
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
        if self
            .options
            .origins
            .takes_credentials(url, &self.options.endpoint)
        {
            for (name, value) in &self.options.headers {
                request = request.header(name, value);
            }
            if let Some(auth) = auth {
                request = request.header(AUTHORIZATION, auth);
            }
        }
        request.send().await.map_err(sending_failed)
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
