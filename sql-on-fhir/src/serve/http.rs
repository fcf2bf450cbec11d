use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{
    ACCEPT, CONTENT_LOCATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, ORIGIN, RETRY_AFTER, WARNING,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use super::Data;
use super::asked::{Asked, Shape};
use super::jobs::{Jobs, Standing};
use super::outcome::Refusal;
use super::resolve::{Resolved, resolve};
use super::work::{self, unwritable};
use crate::Artifacts;

/// Longest request body, in bytes.
const BODY: usize = 16 << 20;

/// What requests share.
pub(super) struct Shared {
    address: SocketAddr,
    artifacts: Artifacts,
    data: Arc<dyn Data>,
    jobs: Jobs,
}

type Answer = Response<Either<Full<Bytes>, FileBody>>;

impl Shared {
    pub(super) fn new(address: SocketAddr, artifacts: Artifacts, data: Arc<dyn Data>) -> io::Result<Self> {
        Ok(Self {
            address,
            artifacts,
            data,
            jobs: Jobs::default(),
        })
    }

    fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub(super) async fn serve(listener: tokio::net::TcpListener, shared: &Arc<Shared>) {
    loop {
        // A connection that failed before it was ours is the client's to open again.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(Arc::clone(&shared), request));
            let builder = auto::Builder::new(TokioExecutor::new());
            // A client that goes away in the middle is no fault of the server.
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    Ok(answer(&shared, request).await.unwrap_or_else(|refusal| {
        let media_type = "application/fhir+json";
        whole(refusal.status, media_type, &refusal.outcome())
    }))
}

fn whole(status: StatusCode, media_type: &'static str, body: &Value) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body.to_string()))));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Whether a request is for this server by a program, not by a page of the web that a browser shows.
fn is_meant_for_us(shared: &Shared, request: &Request<Incoming>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(request.uri().host()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let loopback = shared.address.ip().is_loopback();
    let named = !loopback
        || matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        || name == shared.address.ip().to_string();
    named && !request.headers().contains_key(ORIGIN)
}

async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Refusal> {
    if !is_meant_for_us(shared, &request) {
        return Err(Refusal::forbidden());
    }
    let (head, body) = request.into_parts();
    let path = head.uri.path().replace("%24", "$");
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (&head.method, segments.as_slice()) {
        (&Method::GET, ["metadata"]) => Ok(whole(StatusCode::OK, "application/fhir+json", &capability())),
        (&Method::GET, ["$sql-run"]) => {
            let asked = Asked::of_query(head.uri.query().unwrap_or_default())?;
            sql_run(shared, accepted(asked, &head)?).await
        }
        (&Method::POST, ["$sql-run"]) => {
            let asked = Asked::of_parameters(&read(body).await?, false)?;
            sql_run(shared, accepted(asked, &head)?).await
        }
        (&Method::POST, ["$sql-export"]) => {
            let prefers = head.headers.get_all("prefer").iter().any(|value| {
                value
                    .to_str()
                    .is_ok_and(|value| value.split([',', ';']).any(|part| part.trim() == "respond-async"))
            });
            if !prefers {
                return Err(Refusal::invalid(
                    "an export wants the header Prefer: respond-async",
                ));
            }
            let asked = Asked::of_parameters(&read(body).await?, true)?;
            sql_export(shared, asked)
        }
        (&Method::GET, ["$sql-export"]) => Err(Refusal::invalid(
            "the subjects of an export stand in a body, so it is asked for by POST",
        )),
        (&Method::GET, ["jobs", id]) => standing(shared, id),
        (&Method::DELETE, ["jobs", id]) => match shared.jobs.cancel(id) {
            true => {
                let mut response = whole(StatusCode::ACCEPTED, "application/fhir+json", &Value::Null);
                *response.body_mut() = Either::Left(Full::default());
                Ok(response)
            }
            false => Err(Refusal::not_found("there is no such job")),
        },
        (&Method::GET, ["jobs", id, "result"]) => {
            let manifest = shared.jobs.manifest(id, &shared.base());
            let manifest =
                manifest.ok_or_else(|| Refusal::not_found("there is no such job, or it is not done"))?;
            Ok(whole(StatusCode::OK, "application/fhir+json", &manifest))
        }
        (&Method::GET, ["jobs", id, "files", name]) => {
            let (path, shape) = shared
                .jobs
                .file(id, name)
                .ok_or_else(|| Refusal::not_found("there is no such file"))?;
            file(&path, shape, None).await
        }
        (_, ["metadata" | "$sql-run" | "$sql-export"] | ["jobs", ..]) => Err(Refusal::method()),
        _ => Err(Refusal::not_found(
            "only $sql-run, $sql-export and metadata are here",
        )),
    }
}

/// Takes the form from `Accept` where `_format` does not say it.
fn accepted(mut asked: Asked, head: &hyper::http::request::Parts) -> Result<Asked, Refusal> {
    let accept = head
        .headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    if !asked.format_is_said
        && let Some(shape) = accept.split(',').find_map(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            Shape::named(kind).ok()
        })
    {
        asked.format = shape;
    }
    Ok(asked)
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let body = Limited::new(body, BODY)
        .collect()
        .await
        .map_err(|_| Refusal::too_long())?;
    Ok(body.to_bytes())
}

fn subjects(shared: &Shared, asked: &Asked) -> Result<Vec<Resolved>, Refusal> {
    let mut found: Vec<Resolved> = Vec::new();
    for (number, subject) in (1..).zip(&asked.subjects) {
        let resolved = resolve(subject, asked, &shared.artifacts, number)?;
        if found
            .iter()
            .any(|known| known.name.eq_ignore_ascii_case(&resolved.name))
        {
            return Err(Refusal::invalid(
                "two subjects have the same name; give each one of its own",
            ));
        }
        found.push(resolved);
    }
    if found.is_empty() {
        return Err(Refusal::invalid("there is no subject"));
    }
    Ok(found)
}

async fn sql_run(shared: &Arc<Shared>, asked: Asked) -> Result<Answer, Refusal> {
    let subjects = subjects(shared, &asked)?;
    let folder = tempfile::Builder::new()
        .prefix("sql-run-")
        .tempdir()
        .map_err(unwritable)?;
    let shape = asked.format;
    let shared = Arc::clone(shared);
    let worked = tokio::task::spawn_blocking(move || {
        let done = work::run(
            &asked,
            &subjects,
            &*shared.data,
            folder.path(),
            &AtomicBool::new(false),
        );
        done.map(|done| (done, folder))
    });
    let (done, folder) = worked
        .await
        .map_err(|_| Refusal::failed("the run ended unexpectedly"))??;
    let output = done
        .outputs
        .first()
        .ok_or_else(|| Refusal::failed("the run gave nothing"))?;
    let mut response = file(&output.path, shape, Some(folder)).await?;
    warn(&mut response, &done.unread);
    Ok(response)
}

/// Warnings an answer carries; further ones are counted.
const WARNINGS: usize = 10;

/// Says in the head what is missing from the rows, since the body has no place for it.
fn warn(response: &mut Answer, unread: &[String]) {
    let further = unread.len().saturating_sub(WARNINGS);
    let further = (further > 0).then(|| format!("{further} further inputs are not whole"));
    for text in unread.iter().take(WARNINGS).chain(&further) {
        let is_plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        let text: String = text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        if let Ok(value) = HeaderValue::from_str(&format!("199 - \"{text}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
}

fn sql_export(shared: &Arc<Shared>, asked: Asked) -> Result<Answer, Refusal> {
    if asked.resources.is_some() || asked.limit.is_some() {
        return Err(Refusal::invalid("an export has neither resource nor _limit"));
    }
    let subjects = subjects(shared, &asked)?;
    let begun = shared.jobs.begin(&asked)?;
    let location = format!("{}/jobs/{}", shared.base(), begun.id);
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || {
        let result = work::run(&asked, &subjects, &*shared.data, &begun.folder, &begun.stop);
        shared.jobs.end(&begun.id, result);
    });
    let body = json!({"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "accepted"}, {"name": "location", "valueUri": location}]});
    let mut response = whole(StatusCode::ACCEPTED, "application/fhir+json", &body);
    header(&mut response, CONTENT_LOCATION, &location);
    Ok(response)
}

fn header(response: &mut Answer, name: hyper::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn standing(shared: &Shared, id: &str) -> Result<Answer, Refusal> {
    match shared.jobs.standing(id) {
        None => Err(Refusal::not_found("there is no such job")),
        Some(Standing::Failed(refusal)) => Err(refusal),
        Some(Standing::AtWork) => {
            let body = json!({"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "in-progress"}]});
            let mut response = whole(StatusCode::ACCEPTED, "application/fhir+json", &body);
            header(&mut response, RETRY_AFTER, "1");
            response
                .headers_mut()
                .insert("x-progress", HeaderValue::from_static("in progress"));
            Ok(response)
        }
        Some(Standing::Done) => {
            let body = json!({"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "completed"}]});
            let mut response = whole(StatusCode::SEE_OTHER, "application/fhir+json", &body);
            header(
                &mut response,
                LOCATION,
                &format!("{}/jobs/{id}/result", shared.base()),
            );
            Ok(response)
        }
    }
}

fn capability() -> Value {
    let operation = |name: &str, id: &str| {
        let url = format!("http://hl7.org/fhir/uv/sql-on-fhir/OperationDefinition/{id}");
        json!({"name": name, "definition": url})
    };
    json!({
        "resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "operation": [operation("sql-run", "SQLRun"), operation("sql-export", "SQLExport")]}],
    })
}

async fn file(path: &std::path::Path, shape: Shape, folder: Option<TempDir>) -> Result<Answer, Refusal> {
    let file = File::open(path).await.map_err(unwritable)?;
    let length = file.metadata().await.map_err(unwritable)?.len();
    let mut response = Response::new(Either::Right(FileBody {
        file,
        left: length,
        _folder: folder,
    }));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(shape.media_type()));
    Ok(response)
}

/// A file as the body of an answer, read as the client takes it.
struct FileBody {
    file: File,
    left: u64,
    /// Removed when the body is sent.
    _folder: Option<TempDir>,
}

/// Bytes of a frame.
const FRAME: usize = 1 << 16;

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let mut space = vec![0; FRAME];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut this.file).poll_read(context, &mut buffer))?;
        let length = buffer.filled().len();
        if length == 0 {
            return Poll::Ready(None);
        }
        space.truncate(length);
        this.left = this.left.saturating_sub(length as u64);
        Poll::Ready(Some(Ok(Frame::data(space.into()))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.left)
    }
}
