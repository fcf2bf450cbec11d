use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue};

use crate::Issue;
use crate::search::envelope::{Envelope, Root};
use crate::search::error::{ErrorKind, Fault};
use crate::search::wire::retry::{is_transient, retry_after};

/// The header by which a client says how what is not understood is to be taken.
const PREFER: HeaderName = HeaderName::from_static("prefer");

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
    /// Requests it took.
    pub(crate) attempts: u32,
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

    /// The same, to be refused by a server that does not understand all of it.
    ///
    /// Source: FHIR R4, <https://hl7.org/fhir/R4/search.html#errors>.
    pub(crate) fn strictly(mut self) -> Call {
        self.headers
            .push((PREFER, HeaderValue::from_static("handling=strict")));
        self
    }
}

impl Reply {
    /// The server's time of the answer.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?).ok()
    }

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
