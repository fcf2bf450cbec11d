//! A browser without a screen: cookies, forms, answers.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Somebody who asks for pages, without a screen.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    /// As it is sent; empty for none.
    pub cookie: String,
}

/// What came back.
#[derive(Debug)]
pub struct Told {
    /// HTTP status; 0 where the server hung up.
    pub status: u16,
    /// The head with its first line.
    pub head: String,
    /// The body.
    pub text: String,
}

impl Told {
    /// The value of a hidden field.
    #[must_use]
    pub fn hidden(&self, name: &str) -> &str {
        let begin = format!("name=\"{name}\" value=\"");
        let at = self
            .text
            .find(&begin)
            .unwrap_or_else(|| panic!("no field {name}"))
            + begin.len();
        self.text[at..].split('"').next().unwrap()
    }

    /// Where a redirection leads.
    #[must_use]
    pub fn location(&self) -> &str {
        let line = self
            .head
            .lines()
            .find(|line| line.to_lowercase().starts_with("location: "));
        line.unwrap().split_once(": ").unwrap().1
    }
}

/// Names and values as forms send them, every byte coded.
#[must_use]
pub fn form(pairs: &[(&str, &str)]) -> String {
    let coded = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", coded(name), coded(value)))
        .collect();
    pairs.join("&")
}

impl Client {
    /// Nobody yet, at this address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            cookie: String::new(),
        }
    }

    /// Opens `/login` and sends its form; the cookie is kept.
    pub async fn log_in(&mut self, name: &str, password: &str) -> Told {
        let page = self.get("/login").await;
        let body = form(&[
            ("_token", page.hidden("_token")),
            ("name", name),
            ("password", password),
        ]);
        let told = self.post("/login", &body).await;
        if let Some(line) = told
            .head
            .lines()
            .find(|line| line.to_lowercase().starts_with("set-cookie: "))
        {
            self.cookie = line
                .split_once(": ")
                .unwrap()
                .1
                .split(';')
                .next()
                .unwrap()
                .to_owned();
        }
        told
    }

    /// Asks for a page.
    pub async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, &[], "").await
    }

    /// Sends a form.
    pub async fn post(&self, path: &str, body: &str) -> Told {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.ask("POST", path, &form, body).await
    }

    /// Any request; the host is that of the address where no header says otherwise.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Told {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        if !headers.iter().any(|(name, _)| *name == "host") {
            request.push_str(&format!("host: {}\r\n", self.address));
        }
        if !self.cookie.is_empty() {
            request.push_str(&format!("cookie: {}\r\n", self.cookie));
        }
        headers
            .iter()
            .for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        // A server that has seen enough may hang up.
        drop(stream.write_all(body.as_bytes()).await);
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes).await);
        let text = String::from_utf8(bytes).unwrap();
        let (head, text) = text.split_once("\r\n\r\n").unwrap_or(("HTTP/1.1 0", ""));
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        assert!(!chunked, "the client reads whole bodies only");
        Told {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            text: text.to_owned(),
        }
    }
}
