use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::Url;
use reqwest::header::{CONTENT_LOCATION, HeaderName, HeaderValue};
use tokio::fs;

use super::Export;
use super::exported::{ExportPart, Exported};
use super::manifest::{Item, Manifest, State, Status, status};
use super::ndjson;
use crate::Issue;
use crate::search::ask::server::Server;
use crate::search::disk::{failed, make_dir};
use crate::search::envelope::Envelope;
use crate::search::error::{Error, ErrorKind, Fault, Place};
use crate::search::event::Event;
use crate::search::url::link::resolve;
use crate::search::wire::call::{Call, Reply, Verb};

/// An export in a directory: it is kicked off, waited for and downloaded, and goes on where it was when it is started
/// again in the same directory.
pub struct ExportJob {
    server: Arc<Server>,
    export: Export,
    dir: PathBuf,
    place: Place,
}

/// Wait between two looks at the status where the server names none; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl ExportJob {
    pub(crate) fn new(server: &Arc<Server>, export: Export, dir: &Path) -> ExportJob {
        ExportJob {
            place: server.place("$export"),
            server: Arc::clone(server),
            export,
            dir: dir.to_owned(),
        }
    }

    /// Brings the export to its end; may be dropped and called again.
    ///
    /// # Errors
    /// The server refuses the export, gives no usable manifest, reports errors in its error files, or a file cannot
    /// be had in full. What was downloaded stays in the directory and is not asked for again.
    pub async fn run(&self) -> Result<Exported, Error> {
        make_dir(&self.dir).await.map_err(|error| self.failed(error))?;
        let mut state = self.load().await?;
        let mut restarts = 0;
        loop {
            match self.advance(&mut state).await {
                Err(error) if matches!(error.status(), Some(404 | 410)) && state.status_url.is_some() => {
                    // the server has forgotten the job or its files
                    if restarts >= self.server.transport.options.limits.restarts {
                        return Err(error);
                    }
                    restarts += 1;
                    let (place, kind) = (self.place.clone(), error.kind().clone());
                    self.server.transport.tell(|| Event::Restart { place, kind });
                    self.forget(&mut state).await?;
                }
                done => return done,
            }
        }
    }

    /// Tells the server to drop the job (`DELETE` on its status URL) and forgets it; files stay.
    ///
    /// # Errors
    /// The server does not answer. A server that no longer knows the job has dropped it already.
    pub async fn cancel(&self) -> Result<(), Error> {
        let mut state = self.load().await?;
        let Some(url) = state.status_url.take() else {
            return Ok(());
        };
        let call = Call {
            verb: Verb::Delete,
            ..self.call(self.admit(&url, None)?)
        };
        let read = |reply: &Reply| match reply.status {
            404 | 410 => Ok(()),
            _ => reply.success(),
        };
        self.server.transport.exchange(&call, &self.place, read).await?;
        state.manifest = None;
        self.save(&state).await
    }

    async fn advance(&self, state: &mut State) -> Result<Exported, Error> {
        if state.status_url.is_none() {
            let (url, date) = self.kick_off().await?;
            state.status_url = Some(url);
            state.begun = date.and_then(|date| Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs()));
            self.save(state).await?;
        }
        if state.manifest.is_none() {
            let url = state.status_url.as_deref().unwrap_or_default();
            state.manifest = Some(self.wait(self.admit(url, None)?).await?);
            self.save(state).await?;
        }
        match state.manifest.clone() {
            Some(manifest) => {
                let begun = state
                    .begun
                    .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
                self.download(manifest, begun).await
            }
            None => Err(self.error(ErrorKind::Export)),
        }
    }

    /// Where the job is watched, and the server's time.
    async fn kick_off(&self) -> Result<(String, Option<SystemTime>), Error> {
        let mut url = self.server.transport.options.endpoint.below(&self.export.path);
        let query = self.export.query();
        if !query.is_empty() {
            url.set_query(Some(&query));
        }
        let mut call = self.call(url);
        call.headers.push((
            HeaderName::from_static("prefer"),
            HeaderValue::from_static("respond-async"),
        ));
        let read = |reply: &Reply| {
            reply.success()?;
            let location = reply
                .headers
                .get(CONTENT_LOCATION)
                .and_then(|value| value.to_str().ok());
            location
                .map(str::to_owned)
                .ok_or_else(|| Fault::fatal(ErrorKind::Export))
        };
        let (reply, location) = self.server.transport.exchange(&call, &self.place, read).await?;
        let url = self.admit(&location, Some(&reply.url))?;
        Ok((url.to_string(), reply.date()))
    }

    async fn wait(&self, url: Url) -> Result<Manifest, Error> {
        let begun = Instant::now();
        let call = self.call(url);
        let mut pause = FIRST_WAIT;
        loop {
            let (_, status) = self.server.transport.exchange(&call, &self.place, status).await?;
            let (wait, percent) = match status {
                Status::Ready(manifest) => return Ok(manifest),
                Status::Waiting { wait, percent } => (wait, percent),
            };
            self.server.transport.tell(|| Event::Export {
                place: self.place.clone(),
                percent,
            });
            let limits = self.server.transport.options.limits;
            let longest = self.server.transport.options.retry.retry_after_cap;
            let wait = wait.map_or(pause, |wait| wait.min(longest));
            if begun.elapsed() + wait > limits.export_patience {
                return Err(self.error(ErrorKind::Export));
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_WAIT);
        }
    }

    async fn download(&self, manifest: Manifest, begun: Option<SystemTime>) -> Result<Exported, Error> {
        let lanes = usize::try_from(self.server.transport.options.limits.lanes.max(1)).unwrap_or(1);
        let anonymous = manifest.requires_access_token == Some(false);
        let fetch = |kind: &'static str, items: Vec<Item>| {
            stream::iter(items.into_iter().enumerate())
                .map(move |(number, item)| self.part(kind, number, item, anonymous))
                .buffered(lanes)
                .try_collect::<Vec<ExportPart>>()
        };
        let parts = fetch("part", manifest.output).await?;
        let deletions = fetch("deleted", manifest.deleted).await?;
        let errors = fetch("error", manifest.error).await?;
        let mut issues = Vec::new();
        for error in &errors {
            for line in ndjson::lines(&error.path)
                .await
                .map_err(|error| self.failed(error))?
            {
                if let Some((_, envelope)) = Envelope::read(&line) {
                    issues.extend(envelope.issues);
                }
            }
        }
        let codes = Issue::codes(&issues);
        if !codes.is_empty() {
            return Err(Error::new(ErrorKind::Export).at(&self.place).tried(1, codes));
        }
        Ok(Exported {
            begun,
            transaction_time: manifest.transaction_time,
            parts,
            deletions,
            errors,
        })
    }

    /// One file; it keeps another name until it is whole.
    async fn part(
        &self,
        kind: &str,
        number: usize,
        item: Item,
        anonymous: bool,
    ) -> Result<ExportPart, Error> {
        let path = self.dir.join(format!("{kind}-{:05}.ndjson", number + 1));
        let resources = match fs::metadata(&path).await {
            Ok(_) => ndjson::count(&path)
                .await
                .map_err(|error| self.failed(error))?
                .unwrap_or(0),
            Err(_) => self.fetch(&path, &item, anonymous).await?,
        };
        tracing::debug!(resource = %item.resource, part = number + 1, resources, "export file downloaded");
        Ok(ExportPart {
            resource: item.resource,
            path,
            resources,
        })
    }

    /// Downloads a file of the answer, which has its name when it is there as a whole; how many resources it holds.
    async fn fetch(&self, path: &Path, item: &Item, anonymous: bool) -> Result<u64, Error> {
        let unfinished = path.with_extension("unfinished");
        let mut call = self.call(self.admit(&item.url, None)?);
        call.accept = "application/fhir+ndjson";
        call.into = Some(unfinished.clone());
        call.anonymous = anonymous;
        self.server
            .transport
            .exchange(&call, &self.place, Reply::success)
            .await?;
        let found = ndjson::count(&unfinished)
            .await
            .map_err(|error| self.failed(error))?;
        let fault = match (found, item.count) {
            (Some(received), Some(expected)) if received < expected => {
                Some(ErrorKind::TooFew { expected, received })
            }
            (Some(_), _) => None,
            (None, _) => Some(ErrorKind::Malformed),
        };
        if let Some(fault) = fault {
            self.remove(&unfinished).await?;
            return Err(self.error(fault));
        }
        fs::rename(&unfinished, path)
            .await
            .map_err(|error| self.failed(error))?;
        Ok(found.unwrap_or(0))
    }

    fn call(&self, url: Url) -> Call {
        Call::get(url, "application/json")
    }

    /// A URL that the server named, after the guard of origins.
    fn admit(&self, link: &str, current: Option<&Url>) -> Result<Url, Error> {
        let options = &self.server.transport.options;
        resolve(
            link,
            current.unwrap_or(options.endpoint.root()),
            &options.endpoint,
        )
        .and_then(|url| self.server.admit(url, ""))
        .map_err(|kind| self.error(kind))
    }

    async fn load(&self) -> Result<State, Error> {
        let query = self.export.query();
        let endpoint = self.server.transport.options.endpoint.shown();
        let identity = format!("{endpoint}/{}?{query}", self.export.path);
        let state: State = match fs::read(self.dir.join("export.json")).await {
            Ok(text) => serde_json::from_slice(&text).map_err(|_| self.error(ErrorKind::Spool))?,
            Err(_) => State {
                identity: identity.clone(),
                ..State::default()
            },
        };
        if state.identity == identity {
            Ok(state)
        } else {
            Err(Error::configuration("the directory holds another export").at(&self.place))
        }
    }

    async fn save(&self, state: &State) -> Result<(), Error> {
        let path = self.dir.join("export.json");
        let unfinished = path.with_extension("unfinished");
        let text = serde_json::to_vec(state).map_err(|_| self.error(ErrorKind::Spool))?;
        let write = async {
            make_dir(&self.dir).await?;
            fs::write(&unfinished, &text).await?;
            fs::rename(&unfinished, &path).await
        };
        write.await.map_err(|error| self.failed(error))
    }

    /// Forgets a job that the server no longer knows, with the files it gave, since a new one names others.
    async fn forget(&self, state: &mut State) -> Result<(), Error> {
        state.status_url = None;
        let manifest = state.manifest.take();
        let files = manifest.map_or(0, |manifest| {
            manifest
                .output
                .len()
                .max(manifest.deleted.len())
                .max(manifest.error.len())
        });
        for number in 1..=files {
            for kind in ["part", "deleted", "error"] {
                let path = self.dir.join(format!("{kind}-{number:05}.ndjson"));
                self.remove(&path).await?;
                self.remove(&path.with_extension("unfinished")).await?;
            }
        }
        self.save(state).await
    }

    async fn remove(&self, path: &Path) -> Result<(), Error> {
        match fs::remove_file(path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind).at(&self.place)
    }

    fn failed(&self, error: std::io::Error) -> Error {
        failed(error).at(&self.place)
    }
}
