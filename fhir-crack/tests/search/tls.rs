//! Certificates: an authority of one's own, a client certificate, and neither.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fhir_crack::search::{Client, ErrorKind, Format, Search, Tls};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::bundle::bundle;
use crate::options;

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/search/keys")
        .join(name)
}

/// A server that shows `server.pem` and wants a client certificate if told so; gives its base URL.
async fn serve(wants_client: bool, alpn: &[&str]) -> String {
    let chain = vec![CertificateDer::from_pem_file(key("server.pem")).expect("certificate")];
    let private = PrivateKeyDer::from_pem_file(key("server-key.pem")).expect("key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(key("ca.pem")).expect("authority"))
            .expect("authority");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.expect("verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, private).expect("server");
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let base = format!("https://{}/fhir", listener.local_addr().expect("address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // a client that is refused is what some of the tests are about
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let builder = auto::Builder::new(TokioExecutor::new());
                let _closed = builder
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
    base
}

/// As many Patients as the version of HTTP.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let ids: &[usize] = if request.version() == Version::HTTP_2 {
        &[1, 2]
    } else {
        &[1]
    };
    Ok(Response::new(Full::new(
        bundle(Format::Json, ids, Some(ids.len()), None).into(),
    )))
}

async fn ask(base: &str, tls: Tls) -> Result<u64, ErrorKind> {
    let client = Client::new(options(base).tls(tls)).expect("client");
    match client.search(Search::new("Patient")).collect().await {
        Ok((_, complete)) => Ok(complete.matches()),
        Err(error) => Err(error.kind().clone()),
    }
}

#[tokio::test]
async fn authorities_and_client_certificates() {
    let trusting = || Tls::new().ca_file(key("ca.pem"));
    let known = || trusting().client_certificate(key("client.pem"), key("client-key.pem"));
    let open = serve(false, &[]).await;
    assert_eq!(ask(&open, trusting()).await, Ok(1));
    assert_eq!(
        ask(&open, Tls::new()).await,
        Err(ErrorKind::Connect),
        "a stranger's certificate"
    );
    assert_eq!(ask(&open, known()).await, Ok(1));
    let modern = serve(false, &["h2", "http/1.1"]).await;
    assert_eq!(ask(&modern, trusting()).await, Ok(2), "HTTP/2");
    let guarded = serve(true, &[]).await;
    assert_eq!(ask(&guarded, known()).await, Ok(1));
    assert_eq!(
        ask(&guarded, trusting()).await,
        Err(ErrorKind::Connect),
        "no client certificate"
    );
}

#[test]
fn unusable_files_are_refused() {
    let build = |tls: Tls| {
        Client::new(options("https://127.0.0.1").tls(tls))
            .err()
            .map(|error| error.kind().clone())
    };
    for tls in [
        Tls::new().ca_file("/nowhere.pem"),
        Tls::new().ca_file(key("rsa.pem")),
        Tls::new().client_certificate("/nowhere.pem", key("client-key.pem")),
        Tls::new().client_certificate(key("client.pem"), key("server-key.pem")),
    ] {
        assert!(
            matches!(build(tls.clone()), Some(ErrorKind::Configuration(_))),
            "{tls:?}"
        );
    }
    let no_key = Tls::new().client_certificate(key("client.pem"), "/nowhere.pem");
    assert_eq!(build(no_key), Some(ErrorKind::Secret));
}
