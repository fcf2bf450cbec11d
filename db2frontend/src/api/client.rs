use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect;

use super::options::Options;
use super::{answer, tls};
use crate::{Error, ErrorKind, Result};

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Most bytes an answer may have.
const MAX_ANSWER: usize = 1 << 30;

/// Talks to one project of a REDCap server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    options: Arc<Options>,
}

/// How often an empty answer must be said again before it is believed.
const BLANKS: u32 = 2;

/// What an answer of blanks means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blank {
    /// That something went wrong.
    IsNone,
    /// That there are no rows, if the server says so again: some servers answer so, others when something went wrong.
    WhenSaidAgain,
    /// What it says; the caller looks himself.
    IsAnAnswer,
}

/// The parameters of a request, the token apart.
pub(super) struct Request {
    body: String,
    place: String,
    blank: Blank,
}

impl Request {
    /// A request for this content; `place` is what an error calls it.
    pub(super) fn new(content: &str, place: impl Into<String>) -> Self {
        let this = Self {
            body: String::new(),
            place: place.into(),
            blank: Blank::IsNone,
        };
        this.with("content", content)
    }

    /// The same with a parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if !self.body.is_empty() {
            self.body.push('&');
        }
        self.body.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
        self.body.push('=');
        self.body.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        self
    }

    /// The same where an answer of blanks means something.
    pub(super) fn or_blank(self, blank: Blank) -> Self {
        Self { blank, ..self }
    }

    /// The same with a list, counted from 0.
    pub(super) fn with_all<'v>(mut self, name: &str, values: impl IntoIterator<Item = &'v str>) -> Self {
        for (value, position) in values.into_iter().zip(0..) {
            self = self.with(&format!("{name}[{position}]"), value);
        }
        self
    }
}

impl Client {
    /// A client of this project; nothing is asked yet.
    ///
    /// # Errors
    /// When the address is none, or TLS cannot be set up.
    pub fn new(options: Options) -> Result<Self> {
        let wrong = |text: &str| Error::new(ErrorKind::Configuration, text);
        let url = reqwest::Url::parse(&options.url)
            .map_err(|_| wrong("the address is not of the form http(s)://…"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("the address is not of the form http(s)://…"));
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(options.ca_file.as_deref())?)
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(options.limits.timeout.min(Duration::from_secs(30)))
            .timeout(options.limits.timeout)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| wrong("the HTTP client cannot be set up").with_source(e.without_url()))?;
        Ok(Self {
            http,
            options: Arc::new(options),
        })
    }

    /// What it was made with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Sends a request until it is answered for good. Every request of this interface can be repeated: rows are sent with
    /// their record and instance, so that a second time changes nothing.
    pub(super) async fn post(&self, request: &Request) -> Result<Vec<u8>> {
        let limits = self.options.limits;
        let mut pause = limits.pause;
        let mut blanks = 0;
        let mut attempt = 1;
        loop {
            let failure = match self.send(request).await {
                Ok((200, body)) if answer::is_blank(&body) => {
                    blanks += 1;
                    match request.blank {
                        Blank::IsAnAnswer => return Ok(body),
                        Blank::WhenSaidAgain if blanks > BLANKS => return Ok(body),
                        _ => Error::new(ErrorKind::Answer, format!("{}: an empty answer", request.place)),
                    }
                }
                Ok((status, body)) => {
                    let may_pass = answer::may_pass(status, &body);
                    let too_much = answer::is_too_much(status) || may_pass;
                    match answer::read(status, body, &request.place) {
                        Ok(body) => return Ok(body),
                        Err(error) => {
                            let error = if too_much { error.with_too_much() } else { error };
                            if !may_pass {
                                return Err(error);
                            }
                            error
                        }
                    }
                }
                Err(error) => error,
            };
            if attempt >= limits.attempts.max(1) {
                return Err(failure);
            }
            tracing::debug!(place = request.place, attempt, "to be sent again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
            attempt += 1;
        }
    }

    async fn send(&self, request: &Request) -> Result<(u16, Vec<u8>)> {
        let failed = |what: &str, e: reqwest::Error| {
            let error = Error::new(ErrorKind::Unreachable, format!("{}: {what}", request.place));
            error.with_source(e.without_url()).with_too_much()
        };
        let mut token = String::from("&token=");
        token.extend(utf8_percent_encode(self.options.token.expose(), NON_ALPHANUMERIC));
        let mut answer = self
            .http
            .post(&self.options.url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json, text/csv, */*")
            .body(format!("{}{token}", request.body))
            .send()
            .await
            .map_err(|e| failed("no answer", e))?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(part) = answer
            .chunk()
            .await
            .map_err(|e| failed("the answer broke off", e))?
        {
            body.extend_from_slice(&part);
            if body.len() > MAX_ANSWER {
                let text = format!("{}: the answer is larger than 1 GiB", request.place);
                return Err(Error::new(ErrorKind::Answer, text).with_too_much());
            }
        }
        Ok((status, body))
    }
}
