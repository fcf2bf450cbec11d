//! What `cds-hub serve` tells systemd and Prometheus.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use monitoring::{Exposition, Family, Kind};

use crate::server::{hub_and_url, program};
use crate::sql::run;

/// Ends with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Messages until one of them is wanted.
fn until(messages: &Receiver<String>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let patience = Instant::now() + Duration::from_secs(30);
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|message: &String| wanted(message)) {
        let left = patience.saturating_duration_since(Instant::now());
        let next = messages.recv_timeout(left);
        seen.push(next.unwrap_or_else(|e| panic!("{e} after {seen:?}")));
    }
    seen
}

/// What arrives at a socket. Its queue is short, so it is read all the time, as systemd does.
fn read(socket: UnixDatagram) -> Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = socket.recv(&mut buffer) {
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_is_watched() {
    let (hub, url) = hub_and_url().await;
    // A module that holds the lock, a row that waits, and one that was refused.
    run(&hub, "SELECT db.data_transfer_stop('cds2db', 'cds2db:w')").await;
    run(
        &hub,
        "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]Marker4711')",
    )
    .await;
    run(
        &hub,
        "INSERT INTO core.quarantine (table_name, inbox, \"row\", sqlstate, reason) \
         VALUES ('patient', 'cds2db_in.patient', '{\"pat_id\": \"Marker4711\"}', '23514', 'Marker4711')",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (path, metrics) = (folder.path().join("notify"), folder.path().join("cds-hub.prom"));
    let socket = read(UnixDatagram::bind(&path).unwrap());
    let child = Command::new(program())
        .args(["--database-url", &url, "serve", "--interval", "1", "--metrics"])
        .arg(&metrics)
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "400000")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut served = Served(child);
    let messages = until(&socket, |message| message.starts_with("READY=1"));
    assert!(
        messages.iter().all(|m| !m.contains("STATUS=cannot")),
        "{messages:?}"
    );
    until(&socket, |message| message == "WATCHDOG=1");

    let gauge = |name| Family::new(name, Kind::Gauge, "");
    let page = loop {
        let page = Exposition::of_file(&metrics).unwrap();
        if page.get(gauge("cds_hub_up"), &[]).is_some() {
            break page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(!page.to_string().contains("Marker4711"), "{page}");
    for (name, labels, value) in [
        ("cds_hub_up", &[][..], 1.0),
        ("cds_hub_locked", &[], 1.0),
        ("cds_hub_quarantine_rows", &[], 1.0),
        ("cds_hub_quarantine_due_rows", &[], 1.0),
        ("cds_hub_inbox_rows", &[("inbox", "cds2db_in.patient_raw")], 1.0),
    ] {
        assert_eq!(page.get(gauge(name), labels), Some(value), "{name}: {page}");
    }
    let age = page.get(gauge("cds_hub_lock_age_seconds"), &[("module", "cds2db")]);
    assert!(age.is_some_and(|age| (0.0..60.0).contains(&age)), "{page}");

    let pid = served.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    until(&socket, |message| message == "STOPPING=1\nSTATUS=stopped");
    assert!(served.0.wait().unwrap().success());
}
