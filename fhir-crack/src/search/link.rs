use std::fmt;

use reqwest::Url;

use super::encoding::{encode_into, pairs, repair};
use super::endpoint::Endpoint;
use super::error::ErrorKind;

/// A paging link as the server gave it, kept to go on later.
///
/// Its query may hold names or tokens, so `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct NextUrl(String);

impl NextUrl {
    /// Takes a link that was kept elsewhere.
    pub fn new(link: impl Into<String>) -> NextUrl {
        NextUrl(link.into())
    }

    /// The link's text, to be kept where patient data may be kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NextUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextUrl(not shown)")
    }
}

/// Which origins a link may lead to.
#[derive(Clone, Default)]
pub(crate) struct Origins {
    /// Origins that may be asked, without credentials.
    pub(crate) allowed: Vec<Url>,
    /// Other names of the configured server: links to them are asked at the configured origin.
    pub(crate) aliases: Vec<Url>,
}

impl Origins {
    /// The URL to ask for a link: an alias replaced, a foreign origin refused.
    pub(crate) fn admit(&self, mut url: Url, endpoint: &Endpoint) -> Result<Url, ErrorKind> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ErrorKind::ForeignOrigin);
        }
        if endpoint.is_origin_of(&url) {
            return Ok(url);
        }
        if self.aliases.iter().any(|alias| alias.origin() == url.origin()) {
            let own = endpoint.root();
            let moved = url.set_scheme(own.scheme()).is_ok()
                && url.set_host(own.host_str()).is_ok()
                && url.set_port(own.port()).is_ok();
            return if moved { Ok(url) } else { Err(ErrorKind::Link) };
        }
        if self
            .allowed
            .iter()
            .any(|allowed| allowed.origin() == url.origin())
        {
            return Ok(url);
        }
        Err(ErrorKind::ForeignOrigin)
    }
}

/// The absolute URL of a paging link found in the answer to `current`.
///
/// Absolute, host-relative and query-only links follow RFC 3986. A path that begins with a resource type is taken
/// from the base URL, as FHIR does in bundles, and not from `current`, which may end in `Type/_search`.
pub(crate) fn resolve(link: &str, current: &Url, endpoint: &Endpoint) -> Result<Url, ErrorKind> {
    let link = repair(link);
    if link.is_empty() {
        return Err(ErrorKind::Link);
    }
    let head = link.split(['?', '#']).next().unwrap_or_default();
    let is_type = head.starts_with(|c: char| c.is_ascii_uppercase()) && !head.contains(':');
    let mut url = if is_type {
        let mut base = endpoint.root().clone();
        base.set_path(&format!("{}/", base.path().trim_end_matches('/')));
        base.join(&link)
    } else {
        current.join(&link)
    }
    .map_err(|_| ErrorKind::Link)?;
    url.set_fragment(None);
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(ErrorKind::Link)
    }
}

/// Whether the link asks for a search by POST.
pub(crate) fn is_post(url: &Url) -> bool {
    url.path_segments()
        .is_some_and(|mut segments| segments.any(|segment| segment == "_search"))
}

/// Moves a `_search` link's query into the form of the first request.
///
/// Pairs that stand in both are sent once. Where the link gives another value to a parameter that steers paging or
/// the result (`_count`, `_sort`, …; those of which a search has one), the link's counts: it is the newer word.
pub(crate) fn merge(form: &str, link: &Url) -> (Url, String) {
    let added: Vec<(String, String)> = pairs(link.query().unwrap_or_default()).collect();
    let mut merged: Vec<(String, String)> = Vec::new();
    for pair in pairs(form) {
        let overruled = is_single(&pair.0) && added.iter().any(|(name, _)| *name == pair.0);
        if !overruled && !merged.contains(&pair) {
            merged.push(pair);
        }
    }
    for pair in added {
        if !merged.contains(&pair) {
            merged.push(pair);
        }
    }
    let mut text = String::new();
    for (name, value) in &merged {
        if !text.is_empty() {
            text.push('&');
        }
        encode_into(&mut text, name);
        text.push('=');
        encode_into(&mut text, value);
    }
    let mut url = link.clone();
    url.set_query(None);
    (url, text)
}

fn is_single(name: &str) -> bool {
    matches!(
        name,
        "_count" | "_sort" | "_elements" | "_summary" | "_total" | "_format" | "_pretty" | "_offset"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::parse("http://h/fhir").expect("endpoint")
    }

    #[test]
    fn links_of_every_form() {
        for (link, current, url) in [
            (
                "http://h/fhir?page=2",
                "http://h/fhir/Patient",
                "http://h/fhir?page=2",
            ),
            ("/fhir?page=2", "http://h/fhir/Patient", "http://h/fhir?page=2"),
            (
                "Patient?page=2",
                "http://h/fhir/Patient?x=1",
                "http://h/fhir/Patient?page=2",
            ),
            (
                "Patient?page=2",
                "http://h/fhir/Patient/_search",
                "http://h/fhir/Patient?page=2",
            ),
            (
                "_search?page=2",
                "http://h/fhir/Patient/_search",
                "http://h/fhir/Patient/_search?page=2",
            ),
            (
                "?page=2",
                "http://h/fhir/Patient?x=1",
                "http://h/fhir/Patient?page=2",
            ),
            (
                "?page=2",
                "http://h/fhir/Patient/_search",
                "http://h/fhir/Patient/_search?page=2",
            ),
            ("//h/fhir?page=2", "http://h/fhir/Patient", "http://h/fhir?page=2"),
            (
                "http://h/fhir?a=b|c d#x",
                "http://h/fhir/Patient",
                "http://h/fhir?a=b%7Cc%20d",
            ),
            (
                "http://h/fhir?t=a%2Fb%3D",
                "http://h/fhir/Patient",
                "http://h/fhir?t=a%2Fb%3D",
            ),
        ] {
            let current = Url::parse(current).expect("current");
            assert_eq!(
                resolve(link, &current, &endpoint()).expect(link).as_str(),
                url,
                "{link}"
            );
        }
        let current = Url::parse("http://h/fhir/Patient").expect("current");
        for bad in [
            "",
            "  ",
            "ftp://h/x",
            "javascript:alert(1)",
            "http://",
            "urn:uuid:1",
        ] {
            assert!(resolve(bad, &current, &endpoint()).is_err(), "{bad}");
        }
    }

    #[test]
    fn foreign_origins() {
        let origins = Origins {
            allowed: vec![Url::parse("http://friend:81/").expect("url")],
            aliases: vec![Url::parse("http://inner:8080").expect("url")],
        };
        for (link, admitted) in [
            ("http://h/x?p=1", Some("http://h/x?p=1")),
            ("http://h:80/x", Some("http://h/x")),
            ("http://friend:81/x", Some("http://friend:81/x")),
            ("http://inner:8080/x?p=1", Some("http://h/x?p=1")),
            ("https://h/x", None),
            ("http://h:81/x", None),
            ("http://h.evil/x", None),
            ("http://u:p@h/x", None),
            ("http://friend/x", None),
        ] {
            let url = origins.admit(Url::parse(link).expect("url"), &endpoint());
            assert_eq!(url.ok().as_ref().map(Url::as_str), admitted, "{link}");
        }
    }

    #[test]
    fn search_links_are_merged() {
        let link = Url::parse("http://h/fhir/Patient/_search?_id=1,2&_count=1&page=2").expect("url");
        let (url, form) = merge("_id=1,2&_count=100&code=a&code=b", &link);
        assert_eq!(url.as_str(), "http://h/fhir/Patient/_search");
        assert_eq!(form, "_id=1,2&code=a&code=b&_count=1&page=2");
    }

    #[test]
    fn debug_shows_no_link() {
        assert!(!format!("{:?}", NextUrl::new("MARKER")).contains("MARKER"));
    }
}
