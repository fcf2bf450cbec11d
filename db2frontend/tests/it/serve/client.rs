//! A browser without a screen: cookies, forms, answers.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::site::{ANNA, Pages};

/// Somebody who asks for pages.
pub(super) struct Client {
    address: SocketAddr,
    pub(super) cookie: String,
}

/// What came back.
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) text: String,
}

impl Told {
    /// The value of a hidden field.
    pub(super) fn hidden(&self, name: &str) -> &str {
        let begin = format!("name=\"{name}\" value=\"");
        let at = self
            .text
            .find(&begin)
            .unwrap_or_else(|| panic!("no field {name}"))
            + begin.len();
        self.text[at..].split('"').next().unwrap()
    }

    pub(super) fn location(&self) -> &str {
        let line = self
            .head
            .lines()
            .find(|line| line.to_lowercase().starts_with("location: "));
        line.unwrap().split_once(": ").unwrap().1
    }
}

pub(super) fn form(pairs: &[(&str, &str)]) -> String {
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
    pub(super) fn new(pages: &Pages) -> Self {
        Self {
            address: pages.address,
            cookie: String::new(),
        }
    }

    pub(super) async fn signed_in(pages: &Pages) -> Self {
        let mut client = Self::new(pages);
        let told = client.log_in(ANNA.0, ANNA.1).await;
        assert_eq!((told.status, told.location()), (303, "/"), "{}", told.text);
        client
    }

    pub(super) async fn log_in(&mut self, name: &str, password: &str) -> Told {
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

    pub(super) async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, &[], "").await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Told {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.ask("POST", path, &form, body).await
    }

    /// Opens a form and sends it with these answers.
    pub(super) async fn fill(&self, path: &str, answers: &[(&str, &str)]) -> Told {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let mut pairs = vec![
            ("_token", page.hidden("_token")),
            ("_stamp", page.hidden("_stamp")),
        ];
        pairs.extend(answers);
        self.post(path, &form(&pairs)).await
    }

    pub(super) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Told {
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
