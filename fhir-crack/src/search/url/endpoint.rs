use reqwest::Url;

use crate::search::error::Error;

/// Base URL of a server: scheme, host, port and path.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    base: Url,
    shown: String,
}

impl Endpoint {
    /// Reads a base URL with or without a slash at its end.
    pub(crate) fn parse(text: &str) -> Result<Endpoint, Error> {
        let mut base =
            Url::parse(text.trim()).map_err(|_| Error::configuration("the FHIR base URL cannot be read"))?;
        // A third slash is a host that was forgotten, although URLs in general may have it.
        let begins = |scheme: &str| {
            let rest = text.trim().get(scheme.len()..);
            rest.is_some_and(|rest| rest.starts_with("://") && !rest.starts_with(":///"))
        };
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() || !begins(base.scheme()) {
            return Err(Error::configuration(
                "the FHIR base URL must begin with http:// or https:// and a host",
            ));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Error::configuration(
                "user and password do not belong into the FHIR base URL",
            ));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(Error::configuration(
                "the FHIR base URL must not have a query or fragment",
            ));
        }
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let shown = base.as_str().trim_end_matches('/').to_owned();
        Ok(Endpoint { base, shown })
    }

    /// The base URL as errors and logs show it, without a slash at its end.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// URL of `path` below the base; `path` has no slash at its beginning.
    pub(crate) fn below(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{base}/{path}"));
        url
    }

    /// The base itself, for searches over all types.
    pub(crate) fn root(&self) -> &Url {
        &self.base
    }

    /// Whether the URL's path is that of the base or below it, whatever its scheme, host and port.
    pub(crate) fn is_base_of(&self, url: &Url) -> bool {
        let base = self.base.path().trim_end_matches('/');
        let below = url.path().strip_prefix(base);
        below.is_some_and(|below| !base.is_empty() && (below.is_empty() || below.starts_with('/')))
    }

    /// Whether the URL has the scheme, host and port of this server.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for (text, below) in [
            ("http://h/fhir", "http://h/fhir/Patient"),
            ("http://h/fhir/", "http://h/fhir/Patient"),
            ("https://H:443/a/b//", "https://h/a/b/Patient"),
            ("http://h:8080", "http://h:8080/Patient"),
        ] {
            assert_eq!(
                Endpoint::parse(text).expect(text).below("Patient").as_str(),
                below
            );
        }
        for bad in [
            "",
            "fhir",
            "ftp://h/",
            "http://u:p@h/",
            "http://h/?a=b",
            "http://h/#x",
            "http:///fhir",
            "http:fhir",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }
}
