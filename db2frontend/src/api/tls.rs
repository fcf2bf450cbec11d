//! Which servers are trusted: the system's authorities and, where a site has its own, those in a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::{Error, ErrorKind, Result};

/// The configuration for rustls; ring is named as its provider, so that nothing depends on a global one.
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // Without any certificate plain HTTP works, and HTTPS says that it trusts no one.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let wrong = || {
            Error::new(
                ErrorKind::Configuration,
                format!("certificates in {}", path.display()),
            )
        };
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|e| wrong().with_source(e))?;
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(wrong());
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorKind::Configuration, "TLS cannot be set up").with_source(e))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
