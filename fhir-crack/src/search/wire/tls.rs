use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::search::error::{Error, ErrorKind};

/// Files of certificates beside those of the system.
///
/// There is no way to switch the check of certificates off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    ca_files: Vec<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// The certificates of the system alone (`SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed).
    pub fn new() -> Tls {
        Tls::default()
    }

    /// Trusts the authorities in a PEM file too.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Tls {
        self.ca_files.push(path.into());
        self
    }

    /// Shows a client certificate (mTLS): a PEM file with its chain and one with its key.
    #[must_use]
    pub fn client_certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        self.identity = Some((chain.into(), key.into()));
        self
    }

    /// The configuration for rustls, with ring named as its provider so that nothing depends on a global one.
    pub(crate) fn config(&self) -> Result<ClientConfig, Error> {
        let mut roots = RootCertStore::empty();
        // A system without any certificate is no error here: plain HTTP works, and HTTPS will say that it trusts no one.
        roots.add_parsable_certificates(system_certificates().iter().cloned());
        for path in &self.ca_files {
            let certificates = certificates(path)?;
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(Error::configuration("the CA file holds no certificate"));
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::configuration("TLS cannot be set up").with_source(error))?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| Error::new(ErrorKind::Secret).with_source(error))?;
                builder
                    .with_client_auth_cert(certificates(chain)?, key)
                    .map_err(|error| {
                        Error::configuration("the client certificate cannot be used").with_source(error)
                    })?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The certificates of the system. Reading them takes longer than a small search, so it is done once a process.
fn system_certificates() -> &'static [CertificateDer<'static>] {
    static READ: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    READ.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| {
            Error::configuration("a file of certificates cannot be read as PEM").with_source(error)
        })
}
