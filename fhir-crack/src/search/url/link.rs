use std::fmt;

use reqwest::Url;

use crate::search::error::ErrorKind;
use crate::search::url::encoding::{encode_into, pairs, repair};
use crate::search::url::endpoint::Endpoint;

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
    /// Origins that may be asked with the credentials of the configured one.
    pub(crate) trusted: Vec<Url>,
    /// Other names of the configured server: links to them are asked at the configured origin.
    pub(crate) aliases: Vec<Url>,
}

/// The URL to ask for a link.
pub(crate) struct Admitted {
    pub(crate) url: Url,
    /// The origin or base that the link named instead of the configured one, where it was replaced unasked.
    pub(crate) replaced: Option<String>,
}

/// Bytes of an origin that an error or event shows, at most.
const SHOWN: usize = 120;

impl Origins {
    /// The URL to ask for a link or redirect that the server named.
    ///
    /// A server behind a proxy names the host, scheme, port or base that it knows itself by. Where the path agrees with
    /// the configured base, such a link is asked there: so it never leads credentials or a request to another server.
    /// `resource` is the type that was asked for.
    pub(crate) fn admit(&self, url: Url, endpoint: &Endpoint, resource: &str) -> Result<Admitted, ErrorKind> {
        let as_it_is = |url| Admitted { url, replaced: None };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(foreign(&url));
        }
        let is_own = endpoint.is_origin_of(&url);
        if is_own && endpoint.is_base_of(&url) {
            return Ok(as_it_is(url));
        }
        if is_listed(&self.allowed, &url) || is_listed(&self.trusted, &url) {
            return Ok(as_it_is(url));
        }
        if let Some(own) = at_base(&url, endpoint, resource) {
            let replaced = (!is_listed(&self.aliases, &url)).then(|| shown(&url));
            return Ok(Admitted { url: own, replaced });
        }
        if is_own {
            return Ok(as_it_is(url));
        }
        if is_listed(&self.aliases, &url) {
            return moved(url, endpoint).map(as_it_is).ok_or(ErrorKind::Link);
        }
        Err(foreign(&url))
    }

    /// Whether credentials go along with a request to this URL.
    pub(crate) fn takes_credentials(&self, url: &Url, endpoint: &Endpoint) -> bool {
        endpoint.is_origin_of(url) || is_listed(&self.trusted, url)
    }
}

fn is_listed(origins: &[Url], url: &Url) -> bool {
    origins.iter().any(|origin| origin.origin() == url.origin())
}

/// Scheme, host and port of a URL, as far as an error may show them.
fn shown(url: &Url) -> String {
    let mut text = url.origin().ascii_serialization();
    text.truncate(SHOWN);
    text
}

pub(crate) fn foreign(url: &Url) -> ErrorKind {
    ErrorKind::ForeignOrigin(shown(url))
}

/// The URL with scheme, host and port of the configured server.
fn moved(mut url: Url, endpoint: &Endpoint) -> Option<Url> {
    let own = endpoint.root();
    let moved = url.set_scheme(own.scheme()).is_ok()
        && url.set_host(own.host_str()).is_ok()
        && url.set_port(own.port()).is_ok();
    moved.then_some(url)
}

/// The same request below the configured base, where the path says that it is one: it begins with the base's path, or it
/// ends as the request for `resource` does, or as the base does. A link to a type or base alone is no page of a search.
fn at_base(url: &Url, endpoint: &Endpoint, resource: &str) -> Option<Url> {
    let is_page = |below: &str| url.query().is_some() || !matches!(below, "" | "_search");
    let kind = resource.split('/').next().filter(|kind| !kind.is_empty());
    if endpoint.is_base_of(url) {
        let below = url
            .path()
            .strip_prefix(endpoint.root().path())
            .unwrap_or_default();
        let below = below.trim_matches('/');
        let behind = kind.and_then(|kind| below.strip_prefix(kind)).unwrap_or(below);
        return moved(url.clone(), endpoint).filter(|_| is_page(behind.trim_matches('/')));
    }
    let is_own = endpoint.is_origin_of(url);
    let base = endpoint.root().path().trim_end_matches('/');
    let path = url.path().trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let below = match kind.and_then(|kind| segments.iter().rposition(|segment| *segment == kind)) {
        Some(at) => segments.get(at..)?,
        // `/fhir?page=2` for a base such as `/gateway/fhir`; `/` for any.
        None if url.query().is_some() && base.ends_with(path) && !(path.is_empty() && is_own) => &[][..],
        None => {
            let last = base.rsplit('/').next().filter(|last| !last.is_empty())?;
            let at = segments.iter().position(|segment| *segment == last)?;
            segments.get(at + 1..)?
        }
    };
    if !is_page(below.get(1..).unwrap_or_default().join("/").as_str()) {
        return None;
    }
    let mut own = moved(url.clone(), endpoint)?;
    let below = below.join("/");
    own.set_path(&format!(
        "{base}{}{below}",
        if below.is_empty() { "" } else { "/" }
    ));
    Some(own)
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
            trusted: vec![Url::parse("http://close:82/").expect("url")],
            aliases: vec![Url::parse("http://inner:8080").expect("url")],
        };
        for (link, admitted) in [
            ("http://h/x?p=1", Some("http://h/x?p=1")),
            ("http://h:80/x", Some("http://h/x")),
            ("http://friend:81/x", Some("http://friend:81/x")),
            (
                "http://friend:81/fhir/Patient",
                Some("http://friend:81/fhir/Patient"),
            ),
            (
                "http://close:82/fhir/Patient",
                Some("http://close:82/fhir/Patient"),
            ),
            ("http://inner:8080/x?p=1", Some("http://h/x?p=1")),
            ("https://h/x", None),
            ("http://h:81/x", None),
            ("http://h.evil/x", None),
            ("http://u:p@h/fhir/Patient", None),
            ("http://friend/x", None),
        ] {
            let url = origins.admit(Url::parse(link).expect("url"), &endpoint(), "Patient");
            let url = url.ok().map(|admitted| admitted.url);
            assert_eq!(url.as_ref().map(Url::as_str), admitted, "{link}");
        }
        let credentials = |url: &str| origins.takes_credentials(&Url::parse(url).expect("url"), &endpoint());
        assert!(credentials("http://h/x") && credentials("http://close:82/x"));
        assert!(!credentials("http://friend:81/x") && !credentials("https://h/fhir"));
    }

    #[test]
    fn links_that_agree_with_the_base_are_asked_there() {
        for (base, link, asked) in [
            (
                "http://h/fhir",
                "https://h/fhir/Patient?page=2",
                Some("http://h/fhir/Patient?page=2"),
            ),
            (
                "http://h/fhir",
                "http://h:8080/fhir?page=2",
                Some("http://h/fhir?page=2"),
            ),
            (
                "https://h:8443/fhir",
                "https://h/fhir/Patient/_search?p=2",
                Some("https://h:8443/fhir/Patient/_search?p=2"),
            ),
            (
                "http://127.0.0.1:9/fhir",
                "http://localhost:9/fhir/__page/x?a=%2C",
                Some("http://127.0.0.1:9/fhir/__page/x?a=%2C"),
            ),
            (
                "https://h/gate/fhir",
                "http://inner:80/fhir/Patient?p=2",
                Some("https://h/gate/fhir/Patient?p=2"),
            ),
            (
                "https://h/gate/fhir",
                "https://h/fhir?p=2",
                Some("https://h/gate/fhir?p=2"),
            ),
            (
                "https://h/gate/fhir",
                "http://inner/fhir/_page?p=2",
                Some("https://h/gate/fhir/_page?p=2"),
            ),
            (
                "https://h",
                "http://inner/r4/Patient?p=2",
                Some("https://h/Patient?p=2"),
            ),
            ("https://h/fhir", "http://inner?p=2", Some("https://h/fhir?p=2")),
            ("https://h/fhir", "http://inner/?p=2", Some("https://h/fhir?p=2")),
            ("http://h/fhir", "http://pages.example/abc", None),
            ("http://h/fhir", "http://evil/fhir/Patient", None),
            ("http://h/fhir", "http://evil/fhir/Patient/_search", None),
            ("http://h/fhir", "http://evil/fhir", None),
            ("http://h/fhir", "http://evil/r4/Patient", None),
            ("http://h/fhir", "http://evil/x/Patients?p=2", None),
            ("http://h/fhir", "http://evil/fhirx/y?p=2", None),
        ] {
            let endpoint = Endpoint::parse(base).expect("endpoint");
            let url = Url::parse(link).expect("url");
            match Origins::default().admit(url, &endpoint, "Patient") {
                Ok(admitted) => {
                    assert_eq!(Some(admitted.url.as_str()), asked, "{link}");
                    assert!(admitted.replaced.is_some(), "{link}");
                }
                Err(kind) => {
                    assert_eq!(asked, None, "{link}");
                    assert!(!kind.to_string().contains("p=2"), "{kind}");
                }
            }
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
