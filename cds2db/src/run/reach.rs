//! Whether FHIR server and hub can be reached: known in two seconds, and told while somebody waits.

use cds_hub::Hub;
pub use cds_hub::reach::Patience;
use cds_hub::reach::{listens, open};
use site_config::Database;
use table_description::Description;

use crate::config::ServerSettings;
use crate::{Error, ErrorKind, Result};

/// Whether somebody listens where the FHIR server should be. Behind a proxy nothing is tried, as only the proxy knows.
///
/// # Errors
/// When nobody does after all patience; the text names host and port and what to do.
pub async fn server(settings: &ServerSettings, patience: Patience<'_>) -> Result<()> {
    let variables = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ];
    let Some((host, port)) = address(&settings.endpoint) else {
        return Ok(());
    };
    if settings.proxy.is_some() || variables.iter().any(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    let what = format!("the FHIR server at {host}:{port}");
    patience
        .try_until(&what, async || listens(host, port).await, |_| true)
        .await
        .map_err(|cause| {
            let next =
                "start it, correct FHIR_SERVER_ENDPOINT, or look with cds2db config check FILE --connect";
            Error::new(
                ErrorKind::Unreachable,
                format!("{what} cannot be reached ({cause}); {next}"),
            )
        })
}

/// Host and port of a URL that has been checked; a host in brackets without them.
fn address(endpoint: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = endpoint.split_once("://")?;
    let authority = rest.split('/').next()?;
    let default = if scheme.eq_ignore_ascii_case("https") {
        443
    } else {
        80
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, default),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some((host, port))
}

/// Opens the hub.
///
/// # Errors
/// When it cannot be reached after all patience, or refuses; the text names host, port and what to do.
pub async fn hub(database: &Database, patience: Patience<'_>) -> Result<Hub> {
    open(database, patience).await.map_err(|error| {
        let kind = match error.kind() {
            cds_hub::ErrorKind::Connect => ErrorKind::Unreachable,
            _ => ErrorKind::Hub,
        };
        Error::new(kind, "opening the hub").because(error)
    })
}

/// Whether the hub is one, and has the tables that a description asks for.
///
/// # Errors
/// When it has not; the text names the command that mends it.
pub async fn fits(hub: &Hub, description: &Description, database: &Database) -> Result<()> {
    hub.fits(description).await.map_err(|error| {
        let place = format!("the hub in database {} at {}", database.name, database.place());
        Error::new(ErrorKind::Hub, format!("{place} is not as this program needs it")).because(error)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn addresses_of_urls() {
        for (url, expected) in [
            ("http://h/fhir", Some(("h", 80))),
            ("https://h", Some(("h", 443))),
            ("http://h:8080/fhir", Some(("h", 8080))),
            ("http://[::1]:8080/fhir", Some(("::1", 8080))),
            ("http://[::1]/", Some(("::1", 80))),
            ("h", None),
        ] {
            assert_eq!(address(url), expected, "{url}");
        }
    }

    /// A port that nobody listens on: known at once, told at each try, ended in time.
    #[tokio::test]
    async fn who_is_not_there_is_known_in_two_seconds_and_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let told = std::sync::Mutex::new(Vec::new());
        let say = |text: &str| told.lock().expect("alone").push(text.to_owned());
        let mut database = Database::of_module("CDS2DB");
        (database.host, database.port) = ("127.0.0.1".to_owned(), port);
        let at_once = Patience {
            wait: Duration::ZERO,
            told: &say,
        };
        let error = hub(&database, at_once).await.expect_err("nobody there");
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        let text = crate::error::chain(&error);
        assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
        let settings = ServerSettings {
            endpoint: format!("http://127.0.0.1:{port}/fhir"),
            ..ServerSettings::default()
        };
        let patient = Patience {
            wait: Duration::from_secs(2),
            told: &say,
        };
        let error = server(&settings, patient).await.expect_err("nobody there");
        assert!(error.to_string().contains("FHIR_SERVER_ENDPOINT"), "{error}");
        let told = told.lock().expect("alone");
        assert!(
            told[0].starts_with(&format!(
                "waiting for the FHIR server at 127.0.0.1:{port}, 1st try"
            )),
            "{told:?}"
        );
    }
}
