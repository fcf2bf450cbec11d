//! A real browser, driven by its own protocol over two pipes.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser with one page.
pub struct Chromium {
    child: Child,
    to: File,
    from: BufReader<File>,
    session: String,
    number: u64,
    /// What the page complained of.
    pub complaints: Vec<String>,
    _home: TempDir,
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

impl Chromium {
    /// `None`, and a note of `x-skipped`, where no browser is installed.
    ///
    /// # Panics
    /// As all that follows: when the browser does not do what it is told.
    #[must_use]
    pub fn open() -> Option<Self> {
        let Some(program) = program() else {
            x_skipped::skip!("no Chromium is installed, the pages were not used in a browser");
            return None;
        };
        let home = tempfile::tempdir().unwrap();
        let (to, from) = (home.path().join("to"), home.path().join("from"));
        assert!(
            Command::new("mkfifo")
                .args([&to, &from])
                .status()
                .unwrap()
                .success()
        );
        let script = "exec \"$0\" --headless --no-sandbox --disable-gpu --no-first-run --disable-dev-shm-usage \
            --disable-background-networking --hide-scrollbars --remote-debugging-pipe --user-data-dir=\"$1/profile\" \
            about:blank 3<\"$1/to\" 4>\"$1/from\"";
        let child = Command::new("bash")
            .args(["-c", script])
            .arg(program)
            .arg(home.path())
            // It leaves folders behind where it is killed.
            .env("TMPDIR", home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Opening a pipe waits for its other end.
        let to = OpenOptions::new().write(true).open(&to).unwrap();
        let from = BufReader::new(File::open(&from).unwrap());
        let mut this = Self {
            child,
            to,
            from,
            session: String::new(),
            number: 0,
            complaints: Vec::new(),
            _home: home,
        };
        let target = this.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = this.call(
            "Target.attachToTarget",
            json!({ "targetId": target["targetId"], "flatten": true }),
        );
        this.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            this.call(&format!("{domain}.enable"), json!({}));
        }
        Some(this)
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let told = self.hear();
            if told["id"] == self.number {
                assert!(told["error"].is_null(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        bytes.pop();
        let told: Value = serde_json::from_slice(&bytes).expect("the browser has ended");
        match told["method"].as_str() {
            Some("Log.entryAdded") => self.complaints.push(told["params"]["entry"]["text"].to_string()),
            Some("Runtime.exceptionThrown") => self
                .complaints
                .push(told["params"]["exceptionDetails"].to_string()),
            _ => {}
        }
        told
    }

    /// Gives the window a size in CSS pixels, and a wish for dark or light; below 600 it is a phone.
    pub fn size(&mut self, width: u32, height: u32, dark: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if dark { "dark" } else { "light" };
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
    }

    /// Opens a page and waits until it has come.
    pub fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
        self.loaded();
    }

    /// Waits until the page has come.
    pub fn loaded(&mut self) {
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        self.call("Runtime.evaluate", asked)["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page; ten seconds at most.
    pub fn until(&mut self, expression: &str) {
        for _ in 0..400 {
            if self.value(expression) == true {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        let page = self.value("location.href + ' ' + document.body.innerText");
        panic!("never came: {expression}; {page}");
    }

    /// Types as a keyboard does.
    pub fn text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key: Tab, Enter, blank, or an arrow up or down.
    pub fn key(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            " " => 32,
            "ArrowDown" => 40,
            "ArrowUp" => 38,
            _ => 0,
        };
        let text = match key {
            "Enter" => "\r",
            " " => " ",
            _ => "",
        };
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text }),
        );
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// Presses Tab until this element has the focus.
    pub fn tab_to(&mut self, selector: &str) {
        for _ in 0..60 {
            if self.value(&format!("document.activeElement.matches({selector:?})")) == true {
                return;
            }
            self.key("Tab");
        }
        panic!("{selector} cannot be reached by keyboard");
    }

    /// Keeps a picture of the whole page where `PAGES_SHOWN` names a folder.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("PAGES_SHOWN") else {
            return;
        };
        let shot = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let bytes = decoded(shot["data"].as_str().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }
}

impl std::fmt::Debug for Chromium {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chromium({} complaints)", self.complaints.len())
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Undoes base64.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let text = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::new();
    for four in text.chunks(4) {
        let bits = four.iter().fold(0, |bits, byte| bits << 6 | digit(*byte)) << (6 * (4 - four.len()));
        out.extend(bits.to_be_bytes()[1..four.len()].iter());
    }
    out
}
