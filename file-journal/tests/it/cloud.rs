//! The same site into a folder, into Azurite and into an S3 emulator: all three behave alike.
//!
//! `azurite-blob` (npm `azurite`) and `moto_server` (PyPI `moto[server,s3]`) are looked for on the PATH, or where
//! `JOURNAL_AZURITE` and `JOURNAL_MOTO` say.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use file_journal::config::{Config, StorePlace};
use file_journal::progress::Silent;
use file_journal::{Error, RestoreOptions, VerifyOptions, lock, restore, store, verify};

use crate::site::{Site, tree};

/// The account and key that every Azurite has.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Makes a container, signed as Azure wants it.
const MAKE_CONTAINER: &str = r#"
import base64, email.utils, hashlib, hmac, sys, urllib.request
port, account, key, name = sys.argv[1:]
date = email.utils.formatdate(usegmt=True)
text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/{account}/{account}/{name}\nrestype:container"
sign = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
request = urllib.request.Request(f"http://127.0.0.1:{port}/{account}/{name}?restype=container", method="PUT", headers={
    "x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {account}:{sign}", "Content-Length": "0"})
urllib.request.urlopen(request).read()
"#;

/// An emulator, which ends with the test.
struct Emulator {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn found(variable: &str, name: &str) -> Option<std::path::PathBuf> {
    let given = std::env::var_os(variable).map(std::path::PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = given.or_else(|| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    });
    if found.is_none() {
        x_skipped::skip!("no {name} ({variable} or PATH), its store was not tried");
    }
    found
}

impl Emulator {
    fn start(variable: &str, name: &str, arguments: impl Fn(u16, &str) -> Vec<String>) -> Option<Self> {
        let program = found(variable, name)?;
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a port")
            .port();
        let child = Command::new(program)
            .args(arguments(port, &folder.path().display().to_string()))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the emulator starts");
        let emulator = Self {
            child,
            port,
            _folder: folder,
        };
        let until = Instant::now() + Duration::from_secs(120);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "{name} does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(emulator)
    }

    fn azurite() -> Option<Self> {
        let emulator = Self::start("JOURNAL_AZURITE", "azurite-blob", |port, folder| {
            let port = port.to_string();
            [
                "--silent",
                "--skipApiVersionCheck",
                "--disableTelemetry",
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                &port,
                "--location",
                folder,
            ]
            .map(str::to_owned)
            .to_vec()
        })?;
        let made = Command::new("python3")
            .args([
                "-c",
                MAKE_CONTAINER,
                &emulator.port.to_string(),
                ACCOUNT,
                KEY,
                "central",
            ])
            .output()
            .expect("python3 starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(emulator)
    }

    fn moto() -> Option<Self> {
        let emulator = Self::start("JOURNAL_MOTO", "moto_server", |port, _| {
            ["-H", "127.0.0.1", "-p", &port.to_string()]
                .map(str::to_owned)
                .to_vec()
        })?;
        let mut stream = TcpStream::connect(("127.0.0.1", emulator.port)).expect("connects");
        let request =
            "PUT /central HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.contains(" 200 "), "{answer}");
        Some(emulator)
    }
}

/// The central store as lines of a configuration.
fn azure(port: u16) -> (String, String) {
    let auth = format!(
        "azure_account_name='{ACCOUNT}'\nazure_account_key='{KEY}'\nazure_account_url='http://127.0.0.1:{port}/{ACCOUNT}'\n"
    );
    ("az://central/site".to_owned(), auth)
}

fn s3(port: u16) -> (String, String) {
    let auth = format!(
        "aws_access_key_id='a'\naws_secret_access_key='b'\naws_region='us-east-1'\naws_endpoint='http://127.0.0.1:{port}'\naws_allow_http='true'\n"
    );
    ("s3://central/site".to_owned(), auth)
}

/// What a site's life left: reports, rows without times, and what was restored.
#[derive(Debug, PartialEq, Eq)]
struct Life {
    sent: Vec<(u64, u64, u64)>,
    rows: Vec<String>,
    deep: (u64, usize),
    restored: std::collections::BTreeMap<String, Vec<u8>>,
    locks: Vec<u32>,
}

fn place(place: &(String, String), below: &str) -> String {
    let auth = if place.1.is_empty() {
        String::new()
    } else {
        format!("[{below}.auth]\n{}", place.1)
    };
    format!("[{below}]\npath='{}'\n{auth}", place.0)
}

fn live(at: &(String, String)) -> Life {
    let site = Site::new("full");
    site.configure(&format!(
        "[journal]\njournaling_mode='full'\n[site_path.default]\npath='site'\n{}",
        place(at, "central_path")
    ));
    for number in 0..40 {
        site.write(
            &format!("P{}/Waveforms/s/{number}.dat", number % 4),
            format!("{number}").repeat(50),
        );
    }
    // Larger than a part, so that it is sent in several.
    site.write("P1/Images/st/se/large.dcm", vec![7; 20 << 20]);
    site.write("OMOP/it's odd & ä.csv", "person_id\n1\n");
    site.scan("20260101000000");
    let mut sent = Vec::new();
    let mut submit = || {
        let report = site.submit();
        assert!(report.is_complete(), "{report:?}");
        sent.push((report.sent, report.copied, report.bytes));
    };
    submit();
    site.write("P1/Waveforms/s/1.dat", "changed");
    site.write("OMOP/new.csv", "person_id\n2\n");
    site.remove("P2/Waveforms/s/2.dat");
    fs::rename(
        site.path("site/P3/Waveforms/s/3.dat"),
        site.path("site/P3/Waveforms/s/three.dat"),
    )
    .unwrap();
    site.scan("20260202000000");
    submit();
    submit();
    let options = VerifyOptions {
        deep: true,
        ..VerifyOptions::default()
    };
    let verified = verify(&site.config(), &site.journal(), &options, &Silent).expect("verifies");
    let options = RestoreOptions {
        version: "20260101000000".to_owned(),
        ..RestoreOptions::default()
    };
    restore(
        &site.config(),
        &site.journal(),
        &options,
        &site.path("restored"),
        &Silent,
    )
    .expect("restores");
    Life {
        sent,
        rows: site.rows(),
        deep: (verified.proven, verified.wrong.len()),
        restored: tree(&site.path("restored")),
        locks: races(&site, at),
    }
}

/// Winners of rounds of two check-outs.
fn races(site: &Site, at: &(String, String)) -> Vec<u32> {
    let journal = (format!("{}/journal.v2.db", at.0), at.1.clone());
    let config = |name: &str| -> Config {
        let text = format!(
            "[site_path.default]\npath='site'\n{}[journal.local]\npath='{name}.db'\n{}",
            place(at, "central_path"),
            place(&journal, "journal.source")
        );
        let path = site.path(&format!("{name}.toml"));
        fs::write(&path, text).unwrap();
        Config::read(&path).expect("valid")
    };
    (0..20)
        .map(|round| {
            let configs = [config(&format!("a{round}")), config(&format!("b{round}"))];
            let won = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for config in &configs {
                    let won = &won;
                    scope.spawn(move || {
                        let taken = lock::checkout(config);
                        let is_won = taken.is_ok();
                        assert!(is_won || matches!(taken, Err(Error::Locked { .. })), "{taken:?}");
                        won.fetch_add(u32::from(is_won), Ordering::Relaxed);
                    });
                }
            });
            lock::unlock(&configs[0]).expect("unlocks");
            won.into_inner()
        })
        .collect()
}

#[test]
fn stores_behind_a_network_behave_as_a_folder() {
    let folder = live(&("central".to_owned(), String::new()));
    assert_eq!(folder.locks, [1; 20]);
    assert_eq!(folder.deep.1, 0);
    let stores = [
        (Emulator::azurite(), azure as fn(u16) -> (String, String)),
        (Emulator::moto(), s3),
    ];
    for (emulator, at) in stores {
        let Some(emulator) = emulator else { continue };
        let at = at(emulator.port);
        assert_eq!(live(&at), folder, "{}", at.0);
        spoiled(&at);
        println!("{} behaves as a folder", at.0);
    }
}

/// An object whose bytes are others is named by a deep verification, though its size and digest seem right.
fn spoiled(at: &(String, String)) {
    let at = (format!("{}-spoiled", at.0), at.1.clone());
    let site = Site::new("full");
    site.configure(&format!(
        "[site_path.default]\npath='site'\n{}",
        place(&at, "central_path")
    ));
    site.write("OMOP/a.csv", "person_id\n1\n");
    site.write("OMOP/b.csv", "person_id\n2\n");
    site.scan("1");
    site.submit();
    let central = site.config().central.expect("a store");
    let store = store::open(&StorePlace {
        url: central.url,
        auth: central.auth,
    })
    .expect("opens");
    store
        .put("1/OMOP/b.csv", &mut &b"person_id\n3\n"[..])
        .expect("written");
    let options = VerifyOptions {
        deep: true,
        ..VerifyOptions::default()
    };
    let report = verify(&site.config(), &site.journal(), &options, &Silent).expect("verifies");
    let wrong: Vec<&str> = report.wrong.iter().map(|wrong| wrong.path.as_str()).collect();
    assert_eq!(wrong, ["1/OMOP/b.csv"]);
}
