//! A marker stands in every place that must not be shown, and no log, error or `Debug` shows it.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fhir_crack::search::{
    Auth, Client, ClientOptions, Export, ManyStep, NextUrl, OAuth, RetryPolicy, Search, Secret, SmartBackend,
    Spool, Step,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::options;
use crate::server::{Play, Response, Server};

const MARKER: &str = "MARKER";

/// Keeps every word that any crate logs, at any level.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<String>>);

struct Words<'a>(&'a mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut log = self.0.lock().expect("log");
        let _ = write!(
            log,
            "span {} {} ",
            span.metadata().target(),
            span.metadata().name()
        );
        span.record(&mut Words(&mut log));
        log.push('\n');
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Words(&mut self.0.lock().expect("log")));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().expect("log");
        let _ = write!(log, "{} ", event.metadata().target());
        event.record(&mut Words(&mut log));
        log.push('\n');
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn search() -> Search {
    Search::new("Patient")
        .param("name", MARKER)
        .ids("_id", ["MARKER-1", "MARKER-2"])
}

/// Everything that can be printed of a value and of its chain of causes.
fn printed(error: &fhir_crack::search::Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let _ = write!(text, " {error} {error:?}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn no_marker_is_shown() {
    let listener = Listener::default();
    let guard = tracing::subscriber::set_default(listener.clone());
    let mut shown = String::new();
    let outcome = format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"{MARKER}","diagnostics":"{MARKER}","details":{{"text":"{MARKER}"}}}}]}}"#
    );
    let page = format!(
        r#"{{"resourceType":"Bundle","link":[{{"relation":"next","url":"/fhir/{MARKER}?t={MARKER}"}}],"entry":[{{"resource":{{"resourceType":"Patient","id":"{MARKER}"}}}}]}}"#
    );
    type Answer = Box<dyn Fn(&str) -> Response + Send + Sync>;
    let answers: Vec<Answer> = vec![
        Box::new({
            let outcome = outcome.clone();
            move |_| Response::new(400, outcome.clone()).header("x-marker", MARKER)
        }),
        Box::new({
            let outcome = outcome.clone();
            move |_| Response::new(503, outcome.clone()).header("retry-after", MARKER)
        }),
        Box::new({
            let outcome = outcome.clone();
            move |_| Response::new(200, outcome.clone())
        }),
        Box::new(|_| Response::new(401, MARKER).header("www-authenticate", MARKER)),
        Box::new(|_| {
            Response::new(302, "").header("location", format!("http://evil.example/{MARKER}?{MARKER}"))
        }),
        Box::new(|_| Response::new(302, "").header("location", format!("http://[{MARKER}"))),
        Box::new(|_| Response::new(200, format!("{{\"resourceType\":\"{MARKER}\""))),
        Box::new(|_| Response::new(200, format!("<{MARKER}><a></{MARKER}>"))),
        Box::new(|_| Response::new(200, MARKER).header("content-encoding", "gzip")),
        Box::new(|_| Response::new(200, MARKER.repeat(100)).play(Play::Cut(50))),
        Box::new(|_| Response::new(200, MARKER).header(MARKER, "bad\u{1}header")),
        Box::new(move |_| Response::new(200, page.clone())),
        Box::new(|origin| {
            let next = format!("{origin}/fhir?{MARKER}");
            Response::new(
                200,
                crate::bundle::bundle(fhir_crack::search::Format::Json, &[1], None, Some(&next)),
            )
        }),
        Box::new(|_| {
            let next = format!("http://evil.example/?{MARKER}");
            Response::new(
                200,
                crate::bundle::bundle(fhir_crack::search::Format::Json, &[1], None, Some(&next)),
            )
        }),
        Box::new(|_| {
            Response::new(202, "").header("content-location", format!("http://evil.example/{MARKER}"))
        }),
        Box::new(|_| Response::new(200, "").play(Play::Reset)),
    ];
    let secret = Secret::new(MARKER);
    let events = Arc::new(Mutex::new(String::new()));
    for answer in answers {
        let server = Server::start(move |request, origin| {
            if request.target == "/token" {
                return Response::new(200, format!(r#"{{"access_token":"{MARKER}"}}"#));
            }
            answer(origin)
        })
        .await;
        for auth in auths(&server.origin, &secret) {
            let heard = Arc::clone(&events);
            let options = with_marker(&server.base(), auth).on_event(move |event| {
                let _ = write!(heard.lock().expect("events"), "{event:?}");
            });
            let _ = write!(shown, "{options:?}");
            let client = Client::new(options).expect("client");
            let _ = write!(shown, "{client:?} {:?}", search());
            exercise(&client, &mut shown).await;
        }
    }
    drop(guard);
    let log = listener.0.lock().expect("log").clone();
    let events = events.lock().expect("events").clone();
    assert!(log.contains("fhir_crack"), "the listener heard nothing");
    assert!(shown.contains("Patient") && events.contains("Retry"));
    for (what, text) in [("log", log), ("error or Debug", shown), ("event", events)] {
        if let Some(at) = text.find(MARKER) {
            let before = text[..at].char_indices().rev().nth(300).map_or(0, |(at, _)| at);
            panic!("a {what} shows the marker: …{}", &text[before..at]);
        }
        // basic authentication of MARKER:MARKER
        assert!(
            !text.contains("TUFSS0VSOk1BUktFUg"),
            "a {what} shows the marker's base64"
        );
    }
}

fn auths(origin: &str, secret: &Secret) -> Vec<Auth> {
    let client = OAuth {
        token_url: format!("{origin}/token"),
        client_id: MARKER.to_owned(),
        client_secret: secret.clone(),
        scope: MARKER.to_owned(),
        secret_in_form: true,
    };
    vec![
        Auth::Basic {
            user: MARKER.to_owned(),
            password: secret.clone(),
        },
        Auth::ClientCredentials(client),
        Auth::BearerFile(format!("/nowhere/{MARKER}").into()),
        Auth::TokenUrl {
            url: Secret::new(format!("{origin}/none?{MARKER}")),
            login: None,
            token: Some(secret.clone()),
        },
    ]
}

fn with_marker(base: &str, auth: Auth) -> ClientOptions {
    let retry = RetryPolicy {
        attempts: 2,
        base: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    options(base)
        .retry(retry)
        .auth(auth)
        .header("x-secret", &Secret::new(MARKER))
        .expect("header")
}

/// Uses every way to fail and keeps what can be printed.
async fn exercise(client: &Client, shown: &mut String) {
    let mut pages = client.search(search());
    loop {
        match pages.next().await {
            Ok(Step::Page(page)) => {
                let _ = write!(shown, "{page:?}");
            }
            Ok(step) => {
                let _ = write!(shown, "{step:?}");
                break;
            }
            Err(error) => {
                shown.push_str(&printed(&error));
                break;
            }
        }
    }
    let mut pages = client.by_ids(Search::new("Patient"), "patient", [MARKER], 1);
    while let Ok(Some(step)) = pages.next().await {
        let _ = write!(shown, "{step:?}");
        if let ManyStep::Ended { end: Err(error), .. } = step {
            shown.push_str(&printed(&error));
        }
    }
    let dir = tempfile::tempdir().expect("dir");
    let spool = Spool::new(dir.path());
    let results = [
        client
            .resume(search(), NextUrl::new(format!("?{MARKER}")))
            .collect()
            .await
            .err(),
        client
            .resume(search(), NextUrl::new(format!("http://[{MARKER}")))
            .collect()
            .await
            .err(),
        client.search_spooled(search(), &spool).collect().await.err(),
        client.count(search()).await.err(),
        client.ids(search()).await.err(),
        client.sample(search(), 5, 1).await.err(),
        client.read("Patient", MARKER).await.err(),
        client.read("Patient", "MARKER/../x").await.err(),
        client.capability().await.err(),
        client
            .export(Export::group(MARKER).since(MARKER), &dir.path().join("export"))
            .run()
            .await
            .err(),
    ];
    for error in results.iter().flatten() {
        shown.push_str(&printed(error));
    }
}

#[test]
fn configuration_errors_show_no_secret() {
    let secret = Secret::new("MARKER\n");
    let url = Secret::new("http://MARKER:MARKER@[");
    let with = |auth| {
        ClientOptions::new("http://127.0.0.1")
            .expect("options")
            .auth(auth)
    };
    let key = SmartBackend {
        token_url: "http://127.0.0.1".to_owned(),
        client_id: MARKER.to_owned(),
        key: secret.clone(),
        key_id: MARKER.to_owned(),
        scope: MARKER.to_owned(),
    };
    let errors = [
        ClientOptions::new("http://user:MARKER@host/fhir").err(),
        ClientOptions::new("MARKER").err(),
        ClientOptions::new("http://host/fhir?token=MARKER").err(),
        with(Auth::None).header("x", &secret).err(),
        with(Auth::None).proxy(&url).err(),
        with(Auth::None).allow_origin("MARKER").err(),
        Client::new(with(Auth::Bearer(secret.clone()))).err(),
        Client::new(with(Auth::Basic {
            user: "MARKER:".to_owned(),
            password: secret.clone(),
        }))
        .err(),
        Client::new(with(Auth::TokenUrl {
            url,
            login: None,
            token: None,
        }))
        .err(),
        Client::new(with(Auth::SmartBackend(key))).err(),
        Secret::from_file(std::path::Path::new("/nowhere/MARKER")).err(),
    ];
    for error in errors {
        let text = printed(&error.expect("an error"));
        assert!(!text.contains(MARKER), "{text}");
    }
}
