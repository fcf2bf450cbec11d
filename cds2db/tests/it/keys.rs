//! Every key of the way to server and hub reaches the library: each is tried against somebody who demands what it says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use cds2db::config::{Config, Overrides};
use fhir_crack::search::Search;

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
struct Request {
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        // Behind the method.
        let mut words = line.split(' ').skip(1);
        let mut request = Self {
            target: words.next()?.to_owned(),
            ..Self::default()
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            request
                .headers
                .insert(name.to_lowercase(), value.trim().to_owned());
        }
        let length = request
            .headers
            .get("content-length")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).ok()?;
        Some(request)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A server of a few lines: what `answer` says to each request, with all requests kept.
struct Doorkeeper {
    base: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Doorkeeper {
    fn open(answer: impl Fn(&Request) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = Request::read(&stream) else {
                    continue;
                };
                let (status, body) = answer(&request);
                kept.lock().expect("alone").push(request);
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let mut stream = &stream;
                drop(
                    stream
                        .write_all(head.as_bytes())
                        .and_then(|()| stream.write_all(body.as_bytes())),
                );
            }
        });
        Self { base, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("alone").clone()
    }
}

const BUNDLE: &str = r#"{"resourceType":"Bundle","type":"searchset","total":7,"entry":[]}"#;

fn refused() -> (u16, String) {
    (401, r#"{"resourceType":"OperationOutcome"}"#.to_owned())
}

/// A token endpoint that accepts what `knows` says, and a server behind it that wants the token.
fn with_token(knows: impl Fn(&Request) -> bool + Send + 'static) -> Doorkeeper {
    Doorkeeper::open(move |request| {
        if request.target == "/token" {
            let token = r#"{"access_token":"granted","token_type":"bearer","expires_in":300}"#;
            return if knows(request) {
                (200, token.to_owned())
            } else {
                refused()
            };
        }
        match request.header("authorization") {
            "Bearer granted" => (200, BUNDLE.to_owned()),
            _ => refused(),
        }
    })
}

/// What a configuration with these lines counts at its server.
async fn counted(folder: &Path, lines: &[String]) -> Result<u64, String> {
    let file = folder.join("config.toml");
    let text = format!(
        "PATH_TO_DB_CONFIG_TOML = \"db.toml\"\nENCOUNTER_FILTER_PATTERN_1 = [\"ward_name = 'W'\"]\nFHIR_SEARCH_CURL_TIMEOUT = 5\n{}\n",
        lines.join("\n")
    );
    std::fs::write(folder.join("db.toml"), "").expect("writes");
    std::fs::write(&file, text).expect("writes");
    let config = Config::read(&file, &Overrides::default()).map_err(|faults| faults.to_string())?;
    let client = config.settings.server.client().map_err(|e| e.to_string())?;
    client
        .count(Search::new("Encounter"))
        .await
        .map_err(|e| e.to_string())
}

fn key(name: &str, value: &str) -> String {
    format!("{name} = \"{value}\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_are_shown_to_the_token_endpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    // "site:s3cret" as RFC 7617 writes it.
    let in_header = with_token(|r| {
        r.header("authorization") == "Basic c2l0ZTpzM2NyZXQ="
            && r.body.contains("grant_type=client_credentials")
    });
    let in_form =
        with_token(|r| r.body.contains("client_id=site") && r.body.contains("client_secret=s3cret"));
    let scoped =
        with_token(|r| r.body.contains("scope=system%2F*.read") || r.body.contains("scope=system/*.read"));
    let lines = |server: &Doorkeeper, secret: &str| {
        vec![
            key("FHIR_SERVER_ENDPOINT", &format!("{}/fhir", server.base)),
            key("FHIR_OAUTH_TOKEN_URL", &format!("{}/token", server.base)),
            key("FHIR_OAUTH_CLIENT_ID", "site"),
            key("FHIR_OAUTH_CLIENT_SECRET", secret),
        ]
    };
    assert_eq!(counted(folder.path(), &lines(&in_header, "s3cret")).await, Ok(7));
    let error = counted(folder.path(), &lines(&in_header, "MARKER"))
        .await
        .expect_err("another secret");
    assert!(!error.contains("MARKER"), "{error}");
    let form = [
        lines(&in_form, "s3cret"),
        vec!["FHIR_OAUTH_SECRET_IN_FORM = true".to_owned()],
    ]
    .concat();
    assert_eq!(counted(folder.path(), &form).await, Ok(7));
    assert!(
        counted(folder.path(), &lines(&in_form, "s3cret")).await.is_err(),
        "not in the form"
    );
    let scope = [
        lines(&scoped, "s3cret"),
        vec![key("FHIR_OAUTH_SCOPE", "system/*.read")],
    ]
    .concat();
    assert_eq!(counted(folder.path(), &scope).await, Ok(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smart_backend_signs_with_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let pem = folder.path().join("key.pem");
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-384",
            "-out",
        ])
        .arg(&pem)
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        x_skipped::skip!("no openssl to make keys with, SMART Backend Services were not tried");
        return;
    }
    let server = with_token(|r| {
        let body = percent_encoding::percent_decode_str(&r.body).decode_utf8_lossy();
        body.contains("client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            && body
                .split("client_assertion=")
                .nth(1)
                .is_some_and(|jwt| jwt.split('.').count() == 3)
    });
    let lines = |file: &str| {
        vec![
            key("FHIR_SERVER_ENDPOINT", &format!("{}/fhir", server.base)),
            key("FHIR_OAUTH_TOKEN_URL", &format!("{}/token", server.base)),
            key("FHIR_OAUTH_CLIENT_ID", "site"),
            key("FHIR_SMART_KEY_FILE", file),
            key("FHIR_SMART_KEY_ID", "key-1"),
        ]
    };
    assert_eq!(counted(folder.path(), &lines("key.pem")).await, Ok(7));
    assert!(counted(folder.path(), &lines("none.pem")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_passwords_are_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("token"), "granted\n").expect("writes");
    let server = Doorkeeper::open(|r| match (r.target.as_str(), r.header("authorization")) {
        ("/fresh", "Basic dXNlcjpwYXNz") => (200, "granted".to_owned()),
        (_, "Bearer granted" | "Basic dXNlcjpwYXNz") => (200, BUNDLE.to_owned()),
        _ => refused(),
    });
    let endpoint = key("FHIR_SERVER_ENDPOINT", &format!("{}/fhir", server.base));
    for lines in [
        vec![key("FHIR_TOKEN", "granted")],
        vec![key("FHIR_TOKEN_FILE", "token")],
        vec![key("FHIR_SERVER_USER", "user"), key("FHIR_SERVER_PASS", "pass")],
        vec![
            key("FHIR_TOKEN_REFRESH_URL", &format!("{}/fresh", server.base)),
            key("FHIR_TOKEN_REFRESH_USER", "user"),
            key("FHIR_TOKEN_REFRESH_PASSWORD", "pass"),
        ],
    ] {
        let all = [vec![endpoint.clone()], lines].concat();
        assert_eq!(counted(folder.path(), &all).await, Ok(7), "{all:?}");
    }
    assert!(counted(folder.path(), &[endpoint]).await.is_err(), "without any");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_gets_all_requests() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Doorkeeper::open(|_| (200, BUNDLE.to_owned()));
    let lines = [
        key("FHIR_SERVER_ENDPOINT", "http://nobody.invalid/fhir"),
        key("FHIR_PROXY_URL", &proxy.base),
    ];
    assert_eq!(counted(folder.path(), &lines).await, Ok(7));
    let targets: Vec<String> = proxy.requests().into_iter().map(|r| r.target).collect();
    assert!(
        targets
            .iter()
            .all(|t| t.starts_with("http://nobody.invalid/fhir/Encounter")),
        "{targets:?}"
    );
}

/// A server in Python that wants a client certificate.
const MUTUAL: &str = r#"
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        n = int(self.headers.get("content-length", 0)); self.rfile.read(n)
        body = b'{"resourceType":"Bundle","type":"searchset","total":7,"entry":[]}'
        self.send_response(200); self.send_header("content-type", "application/fhir+json")
        self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *a): pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.crt", "server.key")
context.load_verify_locations("ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// An authority, and certificates of a server and a client that it signed.
pub(crate) fn certificates(folder: &Path) -> bool {
    let extension = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
    std::fs::write(folder.join("server.ext"), extension).expect("writes");
    [
        "req -new -x509 -days 2 -nodes -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -new -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.crt",
        "req -new -nodes -subj /CN=site -keyout client.key -out client.csr",
        "x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out client.crt",
    ]
    .iter()
    .all(|arguments| {
        let openssl = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder)
            .stderr(Stdio::null())
            .status();
        openssl.is_ok_and(|status| status.success())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_trusted_and_a_client_certificate_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut python = Command::new("python3");
    python
        .args(["-c", MUTUAL])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let is_there = certificates(folder.path()).then(|| python.spawn().ok()).flatten();
    let Some(mut child) = is_there.map(Ended) else {
        x_skipped::skip!("no openssl or python3, mTLS was not tried");
        return;
    };
    let mut port = String::new();
    BufReader::new(child.0.stdout.take().expect("piped"))
        .read_line(&mut port)
        .expect("a port");
    let endpoint = key(
        "FHIR_SERVER_ENDPOINT",
        &format!("https://localhost:{}/fhir", port.trim()),
    );
    let authority = key("FHIR_CA_FILE", "ca.pem");
    let shown = [
        key("FHIR_CLIENT_CERT_FILE", "client.crt"),
        key("FHIR_CLIENT_KEY_FILE", "client.key"),
    ];
    let lines = |more: &[&[String]]| [&[endpoint.clone()][..], &more.concat()].concat();
    assert_eq!(
        counted(folder.path(), &lines(&[std::slice::from_ref(&authority), &shown])).await,
        Ok(7)
    );
    assert!(
        counted(folder.path(), &lines(&[&shown])).await.is_err(),
        "an authority nobody trusts"
    );
    assert!(
        counted(folder.path(), &lines(&[&[authority]])).await.is_err(),
        "no certificate of the client"
    );
}

/// A server that counts two where it has one: with the key its answer is whole, without it something is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_counts_duplicates_and_other_names_of_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let entry = |id: &str| {
        format!(r#"{{"resource":{{"resourceType":"Encounter","id":"{id}"}},"search":{{"mode":"match"}}}}"#)
    };
    let (first, second) = (entry("e1"), entry("e2"));
    let server = Doorkeeper::open(move |r| {
        if !r.target.starts_with("/fhir/Encounter") {
            return (404, r#"{"resourceType":"OperationOutcome"}"#.to_owned());
        }
        let (entry, link) = match r.target.contains("page=2") || r.body.contains("page=2") {
            true => (&second, String::new()),
            // The server calls itself by its inner name.
            false => (
                &first,
                r#","link":[{"relation":"next","url":"http://inner-host:8080/inner/r4/Encounter?page=2"}]"#
                    .to_owned(),
            ),
        };
        let body =
            format!(r#"{{"resourceType":"Bundle","type":"searchset","total":3,"entry":[{entry}]{link}}}"#);
        (200, body)
    });
    let endpoint = key("FHIR_SERVER_ENDPOINT", &format!("{}/fhir", server.base));
    let alias = "FHIR_SERVER_ALIASES = [\"http://inner-host:8080/inner/r4\"]".to_owned();
    let duplicates = "FHIR_TOTAL_IS_RIGHT = false".to_owned();
    let pages = async |lines: &[String]| {
        let file = folder.path().join("config.toml");
        let text = format!(
            "PATH_TO_DB_CONFIG_TOML = \"db.toml\"\nENCOUNTER_FILTER_PATTERN_1 = [\"ward_name = 'W'\"]\n{}\n",
            lines.join("\n")
        );
        std::fs::write(folder.path().join("db.toml"), "").expect("writes");
        std::fs::write(&file, text).expect("writes");
        let config = Config::read(&file, &Overrides::default()).expect("reads");
        let client = config.settings.server.client().expect("a client");
        let mut pages = client.search(Search::new("Encounter"));
        let mut seen = 0;
        loop {
            match pages.next().await {
                Ok(fhir_crack::search::Step::Page(page)) => seen += page.entries,
                Ok(_) => return Ok(seen),
                Err(error) => return Err(error.to_string()),
            }
        }
    };
    assert_eq!(
        pages(&[endpoint.clone(), alias.clone(), duplicates.clone()]).await,
        Ok(2)
    );
    assert!(
        pages(&[endpoint.clone(), alias]).await.is_err(),
        "one of three is missing"
    );
    // A link whose path names the same search is asked for at the configured base, whoever it names.
    assert_eq!(pages(&[endpoint, duplicates]).await, Ok(2));
}
