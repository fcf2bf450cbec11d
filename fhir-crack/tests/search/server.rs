//! A small HTTP/1.1 server that answers by a closure, down to the bytes and the way the connection ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    /// How often this method and target were asked for before.
    pub(crate) nth: usize,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) play: Play,
}

/// How the body goes out.
pub(crate) enum Play {
    Whole,
    /// The connection closes after so many bytes of the body.
    Cut(usize),
    /// Nothing more comes after so many bytes, and the connection stays open.
    Stall(usize),
    /// A few bytes at a time.
    Drip(usize, Duration),
    /// The connection closes before the head.
    Reset,
    /// Chunks without end.
    Endless,
}

impl Response {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response {
            status,
            headers: Vec::new(),
            body: body.into(),
            play: Play::Whole,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn play(mut self, play: Play) -> Response {
        self.play = play;
        self
    }
}

type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

pub(crate) struct Server {
    pub(crate) origin: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts on a free port; `handler` also gets the server's origin.
    pub(crate) async fn start(
        handler: impl Fn(&Request, &str) -> Response + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let origin = format!("http://{}", listener.local_addr().expect("address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let own = origin.clone();
        let handler: Handler = Arc::new(move |request| handler(request, &own));
        let log = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&handler), Arc::clone(&log)));
            }
        });
        Server {
            origin,
            requests,
            task,
        }
    }

    /// Base URL of the FHIR server.
    pub(crate) fn base(&self) -> String {
        format!("{}/fhir", self.origin)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("log").clone()
    }
}

async fn serve(stream: TcpStream, handler: Handler, log: Arc<Mutex<Vec<Request>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream, &log).await {
        let response = handler(&request);
        if write(&mut stream, response).await.is_none() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>, log: &Mutex<Vec<Request>>) -> Option<Request> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).ok()?;
    let mut log = log.lock().expect("log");
    let nth = log
        .iter()
        .filter(|old| old.method == method && old.target == target)
        .count();
    let request = Request {
        method,
        target,
        headers,
        body,
        nth,
    };
    log.push(request.clone());
    Some(request)
}

/// Sends the answer; `None` where the connection is to be closed.
async fn write(stream: &mut BufReader<TcpStream>, response: Response) -> Option<()> {
    if matches!(response.play, Play::Reset) {
        return None;
    }
    let mut head = format!("HTTP/1.1 {} Status\r\n", response.status);
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let endless = matches!(response.play, Play::Endless);
    if endless {
        head.push_str("transfer-encoding: chunked\r\n\r\n");
    } else {
        head.push_str(&format!("content-length: {}\r\n\r\n", response.body.len()));
    }
    stream.write_all(head.as_bytes()).await.ok()?;
    match response.play {
        Play::Whole => stream.write_all(&response.body).await.ok()?,
        Play::Cut(bytes) => {
            stream
                .write_all(&response.body[..bytes.min(response.body.len())])
                .await
                .ok()?;
            stream.flush().await.ok()?;
            return None;
        }
        Play::Stall(bytes) => {
            stream
                .write_all(&response.body[..bytes.min(response.body.len())])
                .await
                .ok()?;
            stream.flush().await.ok()?;
            std::future::pending::<()>().await;
        }
        Play::Drip(bytes, pause) => {
            for piece in response.body.chunks(bytes) {
                stream.write_all(piece).await.ok()?;
                stream.flush().await.ok()?;
                tokio::time::sleep(pause).await;
            }
        }
        Play::Endless => loop {
            stream.write_all(b"400\r\n").await.ok()?;
            stream.write_all(&[b' '; 0x400]).await.ok()?;
            stream.write_all(b"\r\n").await.ok()?;
        },
        Play::Reset => {}
    }
    stream.flush().await.ok()
}
