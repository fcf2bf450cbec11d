//! Which base URLs are our server's.

use std::fmt;

use super::Literal;

/// The base URLs under which a reference means a resource of our own server: the configured one and its other names.
///
/// Two URLs are the same base where scheme and host agree without regard to case, the port is the same (80 and 443 are
/// those of `http` and `https` where none is written), and the path is the same but for slashes at its end.
///
/// ```
/// use table_description::reference::{Home, IdRule, OwnBases, literal};
///
/// let ours = OwnBases::new(["https://fhir.example/r4", "http://inner:8080/r4"])?;
/// let home = |text| literal(text, IdRule::Legal).map(|found| ours.home(&found));
/// assert_eq!(home("Patient/p1"), Some(Home::Ours));
/// assert_eq!(home("HTTPS://FHIR.example:443/r4/Patient/p1"), Some(Home::Ours));
/// assert_eq!(home("http://old.example/fhir/Patient/p1"), Some(Home::Elsewhere("http://old.example/fhir")));
/// # Ok::<(), table_description::reference::BaseFault>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnBases(Vec<Box<str>>);

/// Whose resource a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Home<'r> {
    /// Our server's: the reference is relative or below one of our bases.
    Ours,
    /// That of another base, as it is written. The id alone says nothing about a resource of our server.
    Elsewhere(&'r str),
}

/// A text that is no base URL. It does not hold the text, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseFault {
    /// Place in the list given, counted from 0.
    pub place: usize,
}

impl fmt::Display for BaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "base URL {} of the server must be http:// or https://, a host and a path, without user, query or fragment",
            self.place + 1
        )
    }
}

impl std::error::Error for BaseFault {}

impl OwnBases {
    /// The bases that are ours. With none, only relative references are.
    ///
    /// # Errors
    /// When one is no `http` or `https` URL with a host, or has a user, query or fragment.
    pub fn new<'b>(bases: impl IntoIterator<Item = &'b str>) -> Result<Self, BaseFault> {
        bases
            .into_iter()
            .map(str::trim)
            .enumerate()
            .map(|(place, base)| match Parts::of(base) {
                Some(_) if !base.contains(['@', '?', '#', ' ']) => Ok(base.into()),
                _ => Err(BaseFault { place }),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether this base is one of ours.
    #[must_use]
    pub fn contains(&self, base: &str) -> bool {
        let Some(asked) = Parts::of(base) else {
            return false;
        };
        self.0
            .iter()
            .filter_map(|own| Parts::of(own))
            .any(|own| own.is_same_as(&asked))
    }

    /// Whose resource this reference names.
    #[must_use]
    pub fn home<'r>(&self, reference: &Literal<'r>) -> Home<'r> {
        match reference.base() {
            Some(base) if !self.contains(base) => Home::Elsewhere(base),
            _ => Home::Ours,
        }
    }
}

/// The parts of a base URL that are compared.
struct Parts<'b> {
    is_secure: bool,
    host: &'b str,
    port: u16,
    path: &'b str,
}

impl<'b> Parts<'b> {
    fn of(base: &'b str) -> Option<Self> {
        let (scheme, rest) = base.split_once("://")?;
        let is_secure = scheme.eq_ignore_ascii_case("https");
        if !is_secure && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A colon within brackets belongs to an IPv6 address.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        let port = match (port, is_secure) {
            ("", true) => 443,
            ("", false) => 80,
            (digits, _) => digits.parse().ok()?,
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        (!host.is_empty()).then_some(Self {
            is_secure,
            host,
            port,
            path: path.trim_end_matches('/'),
        })
    }

    fn is_same_as(&self, other: &Parts<'_>) -> bool {
        self.is_secure == other.is_secure
            && self.port == other.port
            && self.path == other.path
            && self.host.eq_ignore_ascii_case(other.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{IdRule, literal};

    #[test]
    fn same_base_in_other_words() {
        for (own, other, same) in [
            ("http://h/fhir", "http://h/fhir", true),
            ("http://h/fhir/", "http://h/fhir", true),
            ("http://h/fhir", "http://h/fhir//", true),
            ("http://h", "http://h/", true),
            ("http://h/fhir", "HTTP://H:80/fhir", true),
            ("https://h:443/fhir", "https://h/fhir", true),
            ("https://h./fhir", "https://h/fhir", true),
            ("http://[::1]:8080/fhir", "http://[::1]:8080/fhir", true),
            ("http://[::1]/fhir", "http://[::1]:80/fhir", true),
            ("http://h/fhir", "https://h/fhir", false),
            ("http://h/fhir", "http://h:8080/fhir", false),
            ("http://h/fhir", "http://h/FHIR", false),
            ("http://h/fhir", "http://h/fhir/r4", false),
            ("http://h/fhir", "http://h.evil/fhir", false),
            ("http://h/fhir", "http://u@h/fhir", false),
            ("http://h/fhir", "http://h:x/fhir", false),
            ("http://h/fhir", "h/fhir", false),
        ] {
            let ours = OwnBases::new([own]).expect(own);
            assert_eq!(ours.contains(other), same, "{own} {other}");
        }
    }

    #[test]
    fn an_alias_counts_and_none_leaves_relative_references() {
        let with = OwnBases::new(["https://h/fhir", "http://old/fhir"]).expect("bases");
        let found = literal("http://old/fhir/Patient/1", IdRule::Legal).expect("a reference");
        assert_eq!(with.home(&found), Home::Ours);
        let without = OwnBases::default();
        assert_eq!(without.home(&found), Home::Elsewhere("http://old/fhir"));
        let relative = literal("Patient/1/_history/1", IdRule::Legal).expect("a reference");
        assert_eq!(without.home(&relative), Home::Ours);
    }

    #[test]
    fn what_is_no_base_is_refused_without_its_text() {
        for bad in [
            "",
            "h/fhir",
            "ftp://h",
            "http://",
            "http://u:secret@h/",
            "http://h?x=1",
            "http://h#x",
            "http://h:99999/",
        ] {
            let fault = OwnBases::new(["http://h", bad]).expect_err(bad);
            assert_eq!(fault.place, 1);
            assert!(!fault.to_string().contains("secret"));
        }
    }
}
