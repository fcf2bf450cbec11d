//! Messages to systemd, as `sd_notify(3)` describes them: datagrams of `NAME=value` lines to the socket in `NOTIFY_SOCKET`.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a message may take; a service manager that does not read must not stop a run.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shortest time between two signs of life.
const SHORTEST: Duration = Duration::from_millis(10);

/// Shortest time between two texts about the same stage of work.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// The service manager that started this program, if one did and listens. Messages that cannot be sent are dropped.
#[derive(Debug, Default)]
pub struct ServiceManager {
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    address: SocketAddr,
    /// How often a sign of life is due, where the manager wants one.
    every: Option<Duration>,
    sent: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    alive: Option<Instant>,
    status: Option<Instant>,
}

impl ServiceManager {
    /// The one that the environment names: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` where it is meant for this process.
    #[must_use]
    pub fn of_environment() -> Self {
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| for_us && *usec > 0);
        Self::at(
            std::env::var_os("NOTIFY_SOCKET").as_deref(),
            watchdog.map(Duration::from_micros),
        )
    }

    /// The one at this address: a path, or a name in the abstract namespace behind `@`. It ends a program that gives no sign of
    /// life for as long as `watchdog`.
    #[must_use]
    pub fn at(address: Option<&OsStr>, watchdog: Option<Duration>) -> Self {
        let address = address.map(OsStr::as_bytes).and_then(|name| match name {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
            [b'/', ..] => SocketAddr::from_pathname(OsStr::from_bytes(name)).ok(),
            _ => None,
        });
        let line = address.and_then(|address| {
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_write_timeout(Some(PATIENCE)).ok()?;
            Some(Line {
                socket,
                address,
                every: watchdog.map(|watchdog| watchdog / 4),
                sent: Mutex::default(),
            })
        });
        Self { line }
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.line.is_some()
    }

    /// How often [`ServiceManager::alive`] should be called; `None` where nobody waits for it.
    #[must_use]
    pub fn every(&self) -> Option<Duration> {
        self.line.as_ref()?.every
    }

    /// Gives signs of life for as long as it is polled. Never ends: to be selected beside the work, in the task that does it, so
    /// that work that hangs in there gives none.
    pub async fn signs_of_life(&self) -> Infallible {
        let Some(every) = self.every() else {
            return std::future::pending().await;
        };
        loop {
            self.alive();
            tokio::time::sleep(every.max(SHORTEST)).await;
        }
    }

    /// The program has started and works.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// The program is about to end.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={}", one_line(status)));
    }

    /// What the program does now, as `systemctl status` shows it.
    pub fn status(&self, status: &str) {
        if let Some(line) = &self.line {
            if let Ok(mut sent) = line.sent.lock() {
                sent.status = Some(Instant::now());
            }
            self.send(&format!("STATUS={}", one_line(status)));
        }
    }

    /// The same for texts that come often: made and sent only if the last one is some seconds old.
    pub fn status_now_and_then(&self, status: impl FnOnce() -> String) {
        let due = |line: &Line| {
            let sent = line.sent.lock().ok()?.status;
            Some(sent.is_none_or(|at| at.elapsed() >= STATUS_EVERY))
        };
        if self.line.as_ref().and_then(due).unwrap_or_default() {
            self.status(&status());
        }
    }

    /// A sign of life. To be called by what works, as often as it likes; only those that are due are sent.
    pub fn alive(&self) {
        let Some(line) = &self.line else { return };
        let Some(every) = line.every else { return };
        let Ok(mut sent) = line.sent.lock() else { return };
        if sent.alive.is_none_or(|at| at.elapsed() >= every / 2) {
            sent.alive = Some(Instant::now());
            drop(sent);
            self.send("WATCHDOG=1");
        }
    }

    fn send(&self, message: &str) {
        if let Some(line) = &self.line {
            // Nobody is left to be told where this fails.
            let _ = line.socket.send_to_addr(message.as_bytes(), &line.address);
        }
    }
}

/// A text that cannot begin a second line, which would be a message of its own.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
