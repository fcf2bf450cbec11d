//! A small site, asked as browsers ask and as others do.
#![expect(
    clippy::expect_used,
    reason = "tests stop at the first surprise, their helpers too"
)]

mod hostile;
mod markup;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use maud::html;
use tower::ServiceExt;
use web_pages::{Anonymous, Form, Hosts, Page, SessionTimes, Sessions, Site, Submission, Visitor, listen};

#[derive(Clone)]
struct Small(Arc<Sessions<String>>);

impl Site for Small {
    type User = String;

    fn sessions(&self) -> &Sessions<String> {
        &self.0
    }

    fn log_in(&self) -> &str {
        "/login"
    }

    fn name(&self) -> &str {
        "Small"
    }
}

async fn home(Visitor(session): Visitor<String>) -> Page {
    let form = Form::new("/save", &session.token).body(html! { p { "words" } });
    Page::new("Home")
        .signed_in(&session.user, "/leave", &session.token)
        .body(form.render())
}

async fn save(submission: Submission<String>) -> String {
    format!("{} says {}", submission.session.user, submission.get("words"))
}

async fn enter(State(site): State<Small>, form: Anonymous) -> Response {
    let cookie = site.0.begin(form.get("name").to_owned()).expect("random numbers");
    ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

async fn login(State(site): State<Small>) -> Page {
    Page::new("Log in").body(Form::new("/login", &site.0.tokens().anonymous()).render())
}

pub(crate) fn site() -> (Router, Arc<Sessions<String>>) {
    let sessions = Arc::new(Sessions::new(SessionTimes::default(), false).expect("random numbers"));
    let routes = Router::new()
        .route("/", get(home))
        .route("/save", post(save))
        .route("/login", get(login).post(enter));
    let hosts = Hosts::new(8095, Some("https://pages.example.org"));
    let routes = listen::protected(routes, hosts).with_state(Small(Arc::clone(&sessions)));
    (routes, sessions)
}

pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

pub(crate) async fn tell(site: &Router, request: Request<Body>) -> Told {
    let response = site.clone().oneshot(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Told {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).expect("UTF-8"),
    }
}

pub(crate) fn asked(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header(HOST, "127.0.0.1:8095");
    }
    if method == "POST" && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).expect("a request")
}

/// The value of the hidden field in a page.
pub(crate) fn token(page: &str) -> &str {
    let begin = page.find("name=\"_token\" value=\"").expect("a token") + 21;
    page[begin..].split('"').next().expect("its end")
}

#[tokio::test]
async fn who_logs_in_can_send_forms_until_leaving() {
    let (site, sessions) = site();
    let away = tell(&site, asked("GET", "/", &[], "")).await;
    assert_eq!(
        (away.status, &away.headers["location"]),
        (StatusCode::SEE_OTHER, &"/login".parse().expect("a path"))
    );
    let form = tell(&site, asked("GET", "/login", &[], "")).await;
    let body = format!("_token={}&name=anna", token(&form.text));
    let entered = tell(&site, asked("POST", "/login", &[], &body)).await;
    let cookie = entered.headers[SET_COOKIE]
        .to_str()
        .expect("text")
        .split(';')
        .next()
        .expect("a cookie")
        .to_owned();
    let home = tell(&site, asked("GET", "/", &[("cookie", &cookie)], "")).await;
    assert!(home.text.contains("<span>anna</span>"), "{}", home.text);
    let body = format!("_token={}&words=a%0D%0Ab", token(&home.text));
    let saved = tell(&site, asked("POST", "/save", &[("cookie", &cookie)], &body)).await;
    assert_eq!(saved.text, "anna says a\nb");
    let headers = axum::http::HeaderMap::from_iter([(COOKIE, cookie.parse().expect("a value"))]);
    sessions.end(&sessions.of(&headers).expect("a session"));
    let gone = tell(&site, asked("POST", "/save", &[("cookie", &cookie)], &body)).await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED);
    assert!(gone.text.contains("Nothing was saved"));
}
