//! What holds for every request and answer: hosts, origins, headers.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{Notice, Page};

/// Everything a page may load or send comes from and goes to this site; no inline script or style, no frame around it.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Without a referrer browsers send the origin "null" with the forms of the site itself.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
];

/// The names under which a site answers.
#[derive(Debug, Clone)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// Loopback on this port, and the host of the address that browsers see behind a proxy, such as
    /// `https://pages.example.org`.
    #[must_use]
    pub fn new(port: u16, public: Option<&str>) -> Self {
        let mut hosts: Vec<String> = ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .map(|name| format!("{name}:{port}"))
            .collect();
        let public = public.and_then(|address| address.parse::<Uri>().ok());
        hosts.extend(public.and_then(|address| Some(address.authority()?.as_str().to_ascii_lowercase())));
        Self(hosts.into())
    }

    fn answer(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.0.contains(&host)
    }
}

/// Refuses requests under other names and those that pages of other sites send; sets the headers of every answer.
pub(crate) async fn guard(hosts: Hosts, request: Request, next: Next) -> Response {
    let mut response = match refusal(&hosts, request.method(), request.headers()) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // Pages hold patients; browsers keep none of them.
    headers
        .entry(axum::http::header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(hosts: &Hosts, method: &Method, headers: &HeaderMap) -> Option<Response> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(HOST).unwrap_or_default();
    let refuse = |status: StatusCode, words: &str| {
        let page = Page::new("Not done").notice(Notice::Bad(words.to_owned()));
        Some(page.status(status).into_response())
    };
    if !hosts.answer(host) {
        return refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "This site does not answer under this name.",
        );
    }
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let other_site = text(HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let other_origin = text(ORIGIN).is_some_and(|origin| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_none_or(|authority| !hosts.answer(authority))
    });
    if other_site || other_origin {
        return refuse(
            StatusCode::FORBIDDEN,
            "This form did not come from a page of this site. Nothing was saved.",
        );
    }
    None
}
