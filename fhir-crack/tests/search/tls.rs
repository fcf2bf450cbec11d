//! Certificates: an authority of one's own, a client certificate, and neither.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fhir_crack::search::{Client, ErrorKind, Format, Search, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::bundle::bundle;
use crate::options;

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/search/keys")
        .join(name)
}

/// A server that shows `server.pem` and wants a client certificate if told so; gives its base URL.
async fn serve(wants_client: bool) -> String {
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
    let config = Arc::new(builder.with_single_cert(chain, private).expect("server"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let base = format!("https://{}/fhir", listener.local_addr().expect("address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&config)));
        }
    });
    base
}

/// One request and its answer over TLS; the connection closes behind it.
async fn answer(mut stream: tokio::net::TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let mut tls = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
    let mut asked = Vec::new();
    let mut answered = false;
    let mut buffer = [0; 16 << 10];
    loop {
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out)?;
        }
        stream.write_all(&out).await?;
        if answered {
            return stream.shutdown().await;
        }
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let mut read = &buffer[..count];
        while !read.is_empty() {
            tls.read_tls(&mut read)?;
            if let Err(error) = tls.process_new_packets() {
                let mut alert = Vec::new();
                tls.write_tls(&mut alert)?;
                stream.write_all(&alert).await?;
                return Err(io::Error::other(error));
            }
        }
        match io::Read::read_to_end(&mut tls.reader(), &mut asked) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        if asked.windows(4).any(|window| window == b"\r\n\r\n") {
            let body = bundle(Format::Json, &[1], Some(1), None);
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            io::Write::write_all(&mut tls.writer(), head.as_bytes())?;
            io::Write::write_all(&mut tls.writer(), body.as_bytes())?;
            tls.send_close_notify();
            answered = true;
        }
    }
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
    let open = serve(false).await;
    assert_eq!(ask(&open, trusting()).await, Ok(1));
    assert_eq!(
        ask(&open, Tls::new()).await,
        Err(ErrorKind::Connect),
        "a stranger's certificate"
    );
    assert_eq!(ask(&open, known()).await, Ok(1));
    let guarded = serve(true).await;
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
