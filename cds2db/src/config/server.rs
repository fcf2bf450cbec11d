//! How the FHIR server is reached and how much is asked of it at once.

use std::path::Path;
use std::time::Duration;

use fhir_crack::search::{Auth, Client, ClientOptions, Format, Secret, Timeouts, Tls};
use site_config::{Reader, resolve};
use table_description::reference::{OwnBases, Reference};

use super::login;
use super::memory::Memory;
use super::texts::{comma_list, index};

/// How the FHIR server is reached and how much is asked of it at once.
pub struct ServerSettings {
    /// Base URL.
    pub endpoint: String,
    /// Other base URLs by which the server calls itself, in links and references.
    pub aliases: Vec<String>,
    /// Origins, `http(s)://host[:port]`, to which links may lead; no credentials are sent there.
    pub link_origins: Vec<String>,
    /// How the program proves who it is.
    pub login: Auth,
    /// Certificates beside those of the system.
    pub tls: Tls,
    /// Proxy for all requests; `None` for what the environment says. May hold a password.
    pub proxy: Option<Secret>,
    /// Seconds one request may take, and a response may stand still.
    pub timeout_seconds: u64,
    /// Ask for XML instead of JSON.
    pub xml: bool,
    /// `subject=` instead of `patient=`.
    pub by_subject: bool,
    /// Longest URL of a GET request in characters, less the reserve.
    pub max_url_length: usize,
    /// Resources a page; the server's own choice without it.
    pub count: Option<u32>,
    /// Sort order for GET requests.
    pub sort: Option<String>,
    /// Ids in one request, from 1.
    pub ids_at_once: usize,
    /// Requests at a time; 0 for as many as cores.
    pub max_cores: usize,
    /// Whether fewer resources than `Bundle.total` announced mean that some are missing.
    pub total_is_right: bool,
    /// Store what a server sends of patients and ids that were not asked for.
    pub keep_unasked: bool,
    /// A bulk export that brings what patients' searches would.
    pub export: Option<ExportOf>,
    /// Bytes of memory that a run is to keep below; pages take a part of it.
    pub memory_bytes: usize,
}

/// Whom a bulk export is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportOf {
    /// All patients of the server; those that a run is not for are left out.
    Patients,
    /// The patients of a Group with this id.
    Group(String),
}

impl ExportOf {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        const KEY: &str = "FHIR_EXPORT";
        let text = r.filled(KEY)?;
        if text == "Patient" {
            return Some(Self::Patients);
        }
        match Reference::parse(text) {
            Some(Reference::Literal(literal)) if literal.base().is_none() => {
                literal.id_of("Group").map(|id| Self::Group(id.to_owned()))
            }
            _ => None,
        }
        .or_else(|| {
            r.fault(KEY, "is Patient, for all patients of the server, or Group/ID");
            None
        })
    }
}

impl Default for ServerSettings {
    /// The documented defaults: no server yet, no credentials, JSON, 100 ids a request, half an hour of patience.
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            aliases: Vec::new(),
            link_origins: Vec::new(),
            login: Auth::None,
            tls: Tls::new(),
            proxy: None,
            timeout_seconds: 1800,
            xml: false,
            by_subject: false,
            max_url_length: 2083 - 300,
            count: None,
            sort: None,
            ids_at_once: 100,
            max_cores: 0,
            total_is_right: true,
            keep_unasked: false,
            export: None,
            memory_bytes: 1 << 30,
        }
    }
}

impl ServerSettings {
    /// A client for this server; nothing is sent yet.
    ///
    /// # Errors
    /// When URL, credentials, certificates or proxy cannot be used; the text holds none of them.
    pub fn client(&self) -> Result<Client, fhir_crack::search::Error> {
        let total = Duration::from_secs(self.timeout_seconds);
        let timeouts = Timeouts {
            total,
            idle: total,
            ..Timeouts::default()
        };
        let mut options = ClientOptions::new(&self.endpoint)?
            .auth(self.login.clone())
            .tls(self.tls.clone())
            .format(if self.xml { Format::Xml } else { Format::Json })
            .timeouts(timeouts)
            .total_check(self.total_is_right)
            .limits(|limits| {
                limits.url_bytes = self.max_url_length;
                limits.url_reserve = 0;
                let memory = Memory::of(self.memory_bytes);
                limits.body_bytes = memory.page;
                limits.large_bodies = memory.large;
                limits.read_ahead_bytes = memory.ahead;
                if let Ok(most @ 1..) = u32::try_from(self.max_cores) {
                    limits.lanes = most;
                }
            });
        for alias in &self.aliases {
            options = options.alias_origin(alias)?;
        }
        for origin in &self.link_origins {
            options = options.allow_origin(origin)?;
        }
        if let Some(proxy) = &self.proxy {
            options = options.proxy(proxy)?;
        }
        Client::new(options)
    }

    /// The bases under which a reference means a resource of this server. Those that are no URL are left out.
    #[must_use]
    pub fn own_bases(&self) -> OwnBases {
        let bases = std::iter::once(&self.endpoint).chain(&self.aliases);
        let usable = bases.filter(|base| OwnBases::new([base.as_str()]).is_ok());
        OwnBases::new(usable.map(String::as_str)).unwrap_or_default()
    }

    pub(super) fn read(r: &mut Reader<'_>, file: &Path) -> Self {
        let default = Self::default();
        let settings = Self {
            endpoint: endpoint(r),
            aliases: aliases(r),
            link_origins: link_origins(r),
            login: login::read(r, file),
            tls: tls(r, file),
            proxy: r.filled("FHIR_PROXY_URL").map(|url| Secret::new(url.trim())),
            timeout_seconds: index(r.whole("FHIR_SEARCH_CURL_TIMEOUT", 1..=86_400), 1800) as u64,
            xml: xml(r),
            by_subject: r
                .flag("FHIR_SEARCH_PIDS_BY_SUBJECT")
                .unwrap_or(default.by_subject),
            max_url_length: max_url_length(r),
            count: r
                .whole("COUNT_PER_BUNDLE", 1..=100_000)
                .and_then(|n| u32::try_from(n).ok()),
            sort: r.filled("SORT").map(str::to_owned),
            ids_at_once: index(r.whole("IDS_AT_ONCE", 1..=100_000), default.ids_at_once),
            max_cores: index(r.whole("MAX_CORES", 0..=10_000), default.max_cores),
            total_is_right: r.flag("FHIR_TOTAL_IS_RIGHT").unwrap_or(default.total_is_right),
            keep_unasked: r.flag("FHIR_KEEP_UNASKED").unwrap_or(default.keep_unasked),
            export: ExportOf::read(r),
            memory_bytes: super::memory::read(r),
        };
        settings.refuse_what_a_run_refuses(r);
        settings
    }

    /// Makes the client that a run would make, so that a check finds what a run would find.
    fn refuse_what_a_run_refuses(&self, r: &mut Reader<'_>) {
        if self.endpoint.is_empty() {
            return;
        }
        let parts = [
            (
                "FHIR_SERVER_ENDPOINT",
                Self {
                    endpoint: self.endpoint.clone(),
                    ..Self::default()
                },
            ),
            (
                "FHIR_PROXY_URL",
                Self {
                    proxy: self.proxy.clone(),
                    ..self.reachable()
                },
            ),
            (
                "FHIR_CA_FILE",
                Self {
                    tls: self.tls.clone(),
                    ..self.reachable()
                },
            ),
            (
                login::key(r),
                Self {
                    login: self.login.clone(),
                    ..self.reachable()
                },
            ),
        ];
        for (key, part) in parts {
            if let Err(error) = part.client() {
                r.fault(key, said(&error));
            }
        }
    }

    /// Defaults with a URL that can be used, to try another setting alone.
    fn reachable(&self) -> Self {
        Self {
            endpoint: "http://localhost".to_owned(),
            ..Self::default()
        }
    }
}

/// An error's own level and its causes in one line.
fn said(error: &fhir_crack::search::Error) -> String {
    let mut text = match error.kind() {
        fhir_crack::search::ErrorKind::Configuration(what) => what.clone(),
        _ => "cannot be used".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(level) = cause {
        text = format!("{text}: {level}");
        cause = level.source();
    }
    text
}

fn endpoint(r: &mut Reader<'_>) -> String {
    const KEY: &str = "FHIR_SERVER_ENDPOINT";
    let given = r.text(KEY);
    let endpoint = given.unwrap_or_default().trim().to_owned();
    if given.is_some() && endpoint.is_empty() {
        r.fault(KEY, "is empty: the base URL of the FHIR server");
    }
    if endpoint.contains(char::is_control) {
        r.fault(KEY, "holds a control character");
    }
    endpoint
}

fn aliases(r: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "FHIR_SERVER_ALIASES";
    let aliases = comma_list(r.texts(KEY));
    if let Err(fault) = OwnBases::new(aliases.iter().map(String::as_str)) {
        r.fault(KEY, fault.to_string());
        return Vec::new();
    }
    aliases
}

fn link_origins(r: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "FHIR_ALLOWED_LINK_ORIGINS";
    let origins = comma_list(r.texts(KEY));
    let is_origin = |origin: &String| {
        let rest = origin
            .split_once("://")
            .map(|(_, rest)| rest.trim_end_matches('/'));
        OwnBases::new([origin.as_str()]).is_ok() && rest.is_some_and(|rest| !rest.contains('/'))
    };
    if let Some(i) = origins.iter().position(|origin| !is_origin(origin)) {
        r.fault(
            KEY,
            format!("entry {}: must be http(s)://host[:port], without a path", i + 1),
        );
        return Vec::new();
    }
    origins
}

fn tls(r: &mut Reader<'_>, file: &Path) -> Tls {
    let mut tls = Tls::new();
    if let Some(path) = r.filled("FHIR_CA_FILE") {
        tls = tls.ca_file(resolve(path, file));
    }
    let (certificate, key) = (
        r.filled("FHIR_CLIENT_CERT_FILE"),
        r.filled("FHIR_CLIENT_KEY_FILE"),
    );
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            tls.client_certificate(resolve(certificate, file), resolve(key, file))
        }
        (Some(_), None) => {
            r.fault("FHIR_CLIENT_CERT_FILE", "needs FHIR_CLIENT_KEY_FILE beside it");
            tls
        }
        (None, Some(_)) => {
            r.fault("FHIR_CLIENT_KEY_FILE", "needs FHIR_CLIENT_CERT_FILE beside it");
            tls
        }
        (None, None) => tls,
    }
}

fn xml(r: &mut Reader<'_>) -> bool {
    let format = r.filled("FHIR_FORMAT").unwrap_or("json").trim();
    if !["json", "xml"].contains(&format) {
        r.fault("FHIR_FORMAT", "must be json or xml");
    }
    format == "xml"
}

fn max_url_length(r: &mut Reader<'_>) -> usize {
    const RESERVE: &str = "MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS_RESERVE";
    let url = index(
        r.whole("MAX_CHARACTER_LENGTH_FOR_GET_REQUESTS", 100..=1_000_000),
        2083,
    );
    let reserve = index(r.whole(RESERVE, 0..=1_000_000), 300);
    if url <= reserve {
        r.fault(RESERVE, "must be smaller than the length it is taken from");
    }
    url.saturating_sub(reserve)
}
