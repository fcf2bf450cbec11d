//! 100,000 resources in pages of 100: the search client beside a bare loop over the same pages.
//!
//! `cargo bench -p benches --bench search [-- RESOURCES ROUNDS]`. The server is a process of its own, so that the peak
//! memory shown is the client's. Both loops take turns, and the medians are compared.

use std::error::Error;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use fhir_crack::search::{Client, ClientOptions, Format, Search, Step};
use fixtures::hospital::Hospital;
use fixtures::server::{Server, ServerOptions};
use fixtures::{Kind, MemoryStore};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("serve") => serve(&arguments[1..]),
        _ => measure(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Serves the first so many Observations of a hospital until its input closes.
fn serve(arguments: &[String]) -> Result<(), Failure> {
    let wanted: usize = arguments.first().map_or(Ok(100_000), |text| text.parse())?;
    let mut store = MemoryStore::new();
    let mut kept = 0;
    // a patient has about 35 Observations
    let hospital = Hospital::new(1, u32::try_from(wanted / 20)?.max(10));
    hospital.for_each(&[Kind::Observation], fixtures::Format::Json, |_, bytes| {
        if kept < wanted && store.insert(bytes, fixtures::Format::Json) {
            kept += 1;
        }
    });
    let server = Server::start(store, ServerOptions::default())?;
    say(&format!("{} {kept}", server.base_url()));
    stdin().read_line(&mut String::new())?;
    Ok(())
}

struct Serving {
    child: Child,
    base: String,
    resources: u64,
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if self.child.wait().is_err() {
            say("the server did not end");
        }
    }
}

fn start(resources: &str) -> Result<Serving, Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", resources])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let output = child.stdout.take().ok_or("no output")?;
    BufReader::new(output).read_line(&mut line)?;
    let (base, count) = line.trim().split_once(' ').ok_or("the server did not start")?;
    Ok(Serving {
        base: base.to_owned(),
        resources: count.parse()?,
        child,
    })
}

fn measure(arguments: &[String]) -> Result<(), Failure> {
    let resources = arguments.first().map_or("100000", String::as_str);
    let rounds: usize = arguments.get(1).map_or(Ok(5), |text| text.parse())?;
    let serving = start(resources)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for format in [Format::Json, Format::Xml] {
        let mut bare_rates = Vec::new();
        let mut client_rates = Vec::new();
        let mut bytes = 0;
        let (mut bare_work, mut client_work) = (0.0, 0.0);
        for _ in 0..rounds {
            let (begun, before) = (Instant::now(), cpu_seconds());
            bytes = runtime.block_on(on_a_worker(bare(serving.base.clone(), format)))?;
            bare_rates.push(serving.resources as f64 / begun.elapsed().as_secs_f64());
            bare_work += cpu_seconds() - before;
            let (begun, before) = (Instant::now(), cpu_seconds());
            let found = runtime.block_on(on_a_worker(client(serving.base.clone(), format)))?;
            client_rates.push(serving.resources as f64 / begun.elapsed().as_secs_f64());
            client_work += cpu_seconds() - before;
            if found != serving.resources {
                return Err(format!("{found} of {} resources", serving.resources).into());
            }
        }
        let work = |seconds: f64| 1e6 * seconds / (rounds as f64 * serving.resources as f64);
        say(&format!(
            "{format:?}: CPU time a resource, server not counted: bare loop {:.2} µs, client {:.2} µs",
            work(bare_work),
            work(client_work),
        ));
        for (which, pick) in [("median", median as fn(&mut [f64]) -> f64), ("best", best)] {
            let (bare, client) = (pick(&mut bare_rates), pick(&mut client_rates));
            say(&format!(
                "{format:?}: {} resources, {:.1} MB; bare loop {bare:.0}/s, client {client:.0}/s = {:.0} % ({which} of {rounds}); \
                 peak memory {}",
                serving.resources,
                bytes as f64 / 1e6,
                100.0 * client / bare,
                peak_memory(),
            ));
        }
    }
    Ok(())
}

/// Runs a loop where a program's tasks run, and not on the thread that waits for it.
async fn on_a_worker<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    tokio::spawn(work).await?
}

/// GET and follow the next link, found by its text; nothing else.
async fn bare(base: String, format: Format) -> Result<usize, Failure> {
    let tls = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()?
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()?;
    let mark = match format {
        Format::Json => r#""relation":"next","url":""#,
        Format::Xml => r#"<relation value="next"/><url value=""#,
    };
    let mut url = Some(format!("{base}/Observation?_count=100"));
    let mut bytes = 0;
    while let Some(next) = url.take() {
        let body = http
            .get(next)
            .header("accept", format.media_type())
            .send()
            .await?
            .bytes()
            .await?;
        bytes += body.len();
        let head = std::str::from_utf8(&body[..body.len().min(2000)]).unwrap_or_default();
        url = head
            .split(mark)
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .map(|url| url.replace("&amp;", "&"));
    }
    Ok(bytes)
}

async fn client(base: String, format: Format) -> Result<u64, Failure> {
    let client = Client::new(ClientOptions::new(&base)?.format(format))?;
    let mut pages = client.search(Search::new("Observation").count(100));
    loop {
        match pages.next().await? {
            Step::Page(_) => {}
            Step::Complete(complete) => return Ok(complete.matches()),
            _ => return Err("the search was cut short".into()),
        }
    }
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// The rate that other work on the machine disturbed least.
fn best(rates: &mut [f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}

/// CPU time of this process so far, as Linux counts it: in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // the name in brackets may hold blanks; user and system time are the 12th and 13th field behind it
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// The process's peak memory as Linux counts it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_owned(), |line| line.trim().to_owned())
}

fn say(line: &str) {
    // a reader that has gone away needs no more lines
    let _gone = writeln!(stdout(), "{line}");
}
