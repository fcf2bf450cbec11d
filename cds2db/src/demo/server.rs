use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use cds_hub::cluster::{Service, Supervisor};

use super::HospitalPlan;
use crate::{Error, ErrorKind, Result};

/// How long the server may take to read its data.
const START: Duration = Duration::from_secs(120);

/// The FHIR test server as a process of its own, so that its memory is not the client's; its supervisor ends it with
/// this process.
#[derive(Debug)]
pub(super) struct FhirServer {
    _supervisor: Supervisor,
    base_url: String,
}

/// What the server serves.
#[derive(Debug)]
pub(super) enum Served<'d> {
    Hospital(&'d HospitalPlan),
    Folder(&'d Path),
}

impl FhirServer {
    pub(super) fn start(served: &Served<'_>, log: &Path) -> Result<Self> {
        let failed = |what: &str| {
            Error::new(
                ErrorKind::Start,
                format!("the FHIR test server {what}; its log is {}", log.display()),
            )
        };
        let program = std::env::current_exe().map_err(|e| failed("has no program").because(e))?;
        // The port of the last demo where it is free: paging links that were kept name it.
        let kept = log.with_extension("port");
        let last = std::fs::read_to_string(&kept)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let port = TcpListener::bind(("127.0.0.1", last.unwrap_or(0)))
            .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
            .and_then(|l| l.local_addr())
            .map_err(|e| failed("has no port").because(e))?
            .port();
        std::fs::write(&kept, port.to_string()).map_err(|e| failed("cannot keep its port").because(e))?;
        let mut supervisor =
            Supervisor::start(&program).map_err(|e| failed("has no supervisor").because(e))?;
        let mut arguments: Vec<OsString> =
            vec!["serve-fixtures".into(), "--port".into(), port.to_string().into()];
        match served {
            Served::Folder(folder) => arguments.extend(["--input".into(), folder.as_os_str().to_owned()]),
            Served::Hospital(plan) => {
                arguments.extend(["--seed".into(), plan.seed.to_string().into()]);
                arguments.extend(["--patients".into(), plan.patients.to_string().into()]);
                for change in &plan.changes {
                    arguments.extend(["--change".into(), change.to_string().into()]);
                }
            }
        }
        let arguments = arguments.into_iter().map(|a| a.to_string_lossy().into_owned());
        let mut service = Service::new(program, arguments);
        service.log = Some(log.to_owned());
        let id = supervisor
            .spawn(&service)
            .map_err(|e| failed("cannot be started").because(e))?;
        let until = Instant::now() + START;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if supervisor
                .poll(id)
                .map_err(|e| failed("is lost").because(e))?
                .is_some()
            {
                return Err(failed("ended at once"));
            }
            if Instant::now() > until {
                return Err(failed("was not ready in time"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            _supervisor: supervisor,
            base_url: format!("http://127.0.0.1:{port}/fhir"),
        })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }
}
