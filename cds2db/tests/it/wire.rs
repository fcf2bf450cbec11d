//! A proxy in front of a server: it sees what really goes over the wire, and may change it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// Path, query and form in one text, decoded as far as commas and slashes go.
    pub(crate) fn text(&self) -> String {
        let text = format!(
            "{} {} {}",
            self.method,
            self.target,
            String::from_utf8_lossy(&self.body)
        );
        text.replace("%2C", ",").replace("%2F", "/").replace("%3A", ":")
    }
}

/// An answer as it goes back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Nothing is sent and the connection stays open.
    pub(crate) is_silent: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn with(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same with another value of a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What becomes of a request before it is sent on, and of the answer to it.
struct Rule {
    before: Before,
    after: After,
}

type Before = Box<dyn Fn(&mut Asked) + Send + Sync>;
type After = Box<dyn Fn(&Asked, Answer) -> Answer + Send + Sync>;

/// A proxy that hands every answer to a rule.
pub(crate) struct Wire {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    pub(crate) fn start(
        upstream: SocketAddr,
        after: impl Fn(&Asked, Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::changing(upstream, |_| {}, after)
    }

    /// The same where requests are changed too.
    pub(crate) fn changing(
        upstream: SocketAddr,
        before: impl Fn(&mut Asked) + Send + Sync + 'static,
        after: impl Fn(&Asked, Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let rule = Arc::new(Rule {
            before: Box::new(before),
            after: Box::new(after),
        });
        let over = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (rule, over) = (Arc::clone(&rule), Arc::clone(&over));
                std::thread::spawn(move || {
                    serve(stream, upstream, &rule, &over);
                });
            }
        });
        Self {
            address,
            ended,
            thread: Some(thread),
        }
    }

    /// Base URL of a service at `/fhir`.
    pub(crate) fn base(&self) -> String {
        format!("http://{}/fhir", self.address)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The accepting thread looks at it when somebody calls.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, upstream: SocketAddr, rule: &Rule, over: &AtomicBool) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (first, headers) = head(&mut reader)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut body = vec![0; length(&headers).unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    let mut asked = Asked {
        method,
        target,
        headers,
        body,
    };
    (rule.before)(&mut asked);
    let answer = (rule.after)(&asked, forward(&asked, upstream)?);
    if answer.is_silent {
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
        return None;
    }
    let mut stream = reader.into_inner();
    let mut text = format!("HTTP/1.1 {} Said\r\n", answer.status);
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        answer.body.len()
    ));
    stream.write_all(text.as_bytes()).ok()?;
    stream.write_all(&answer.body).ok()
}

fn forward(asked: &Asked, upstream: SocketAddr) -> Option<Answer> {
    let mut stream = TcpStream::connect(upstream).ok()?;
    let mut text = format!(
        "{} {} HTTP/1.1\r\nhost: {upstream}\r\nconnection: close\r\n",
        asked.method, asked.target
    );
    for (name, value) in &asked.headers {
        if !["host", "connection", "accept-encoding", "content-length"].contains(&name.as_str()) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", asked.body.len()));
    stream.write_all(text.as_bytes()).ok()?;
    stream.write_all(&asked.body).ok()?;
    let mut reader = BufReader::new(stream);
    let (first, headers) = head(&mut reader)?;
    let is_chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value.contains("chunked"));
    let mut body = Vec::new();
    if is_chunked {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let size = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = length(&headers) {
        body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
    } else {
        reader.read_to_end(&mut body).ok()?;
    }
    let own = ["content-length", "connection", "transfer-encoding"];
    Some(Answer {
        status: first.split(' ').nth(1)?.parse().ok()?,
        headers: headers
            .into_iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .collect(),
        body,
        is_silent: false,
    })
}

/// The first line and the headers, their names in lower case.
fn head(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<(String, String)>)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => return Some((first.trim_end().to_owned(), headers)),
        }
    }
}

fn length(headers: &[(String, String)]) -> Option<usize> {
    let (_, value) = headers.iter().find(|(name, _)| name == "content-length")?;
    value.parse().ok()
}
