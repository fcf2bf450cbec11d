//! Logging in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use cds_hub::schema::Model;
use cds_hub::{Hub, Result, reach};
use web_pages::{Anonymous, Notice, Page, Site, Submission};

use super::answer::{Answer, Asker};
use super::site::{Pages, User};

/// The log-in.
pub(super) async fn form(State(pages): State<Pages>) -> Page {
    log_in(&pages, None)
}

fn log_in(pages: &Pages, notice: Option<Notice>) -> Page {
    web_pages::log_in(pages, "Role of the database", notice)
}

/// Lets somebody in whose name and password the hub takes, and who may read it.
pub(super) async fn enter(State(pages): State<Pages>, form: Anonymous) -> Response {
    let refuse = |status, words: &str| {
        log_in(&pages, Some(Notice::Bad(words.to_owned())))
            .status(status)
            .into_response()
    };
    let name = form.get("name").trim();
    let pause = pages.attempts.wait(name);
    if !pause.is_zero() {
        return refuse(StatusCode::TOO_MANY_REQUESTS, &web_pages::log_in::wait(pause));
    }
    let asker = Asker::new(pages.limit);
    let hub = match asker
        .ask(reach::log_in(&pages.login, name, form.get("password")))
        .await
    {
        Answer::Told(Some(hub)) => hub,
        Answer::Told(None) => {
            pages.attempts.failed(name);
            tracing::warn!("a log-in failed");
            return refuse(StatusCode::UNAUTHORIZED, "Name or password is wrong.");
        }
        _ => {
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "The hub does not answer. Try again later.",
            );
        }
    };
    pages.attempts.succeeded(name);
    let user = match asker.ask(user(name, hub)).await {
        Answer::Told(user) => user,
        Answer::NotForRole => {
            return refuse(
                StatusCode::FORBIDDEN,
                "This role may not see these pages. An administrator lets it: cds-hub web --grant ROLE.",
            );
        }
        other => {
            drop(other.told());
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "The hub cannot be read. Is the database one? cds-hub check says so.",
            );
        }
    };
    match pages.sessions().begin(user) {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(_) => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "No session could be started. Try again later.",
        ),
    }
}

/// What the role may see; an error where that is not even the imports.
async fn user(name: &str, hub: Hub) -> Result<User> {
    let model = Model::new(&hub.tables_to_keep().await?);
    hub.recent_runs(0).await?;
    let readable = hub.readable(&model).await?;
    Ok(User {
        name: name.to_owned(),
        hub,
        model: Arc::new(model),
        readable: Arc::new(readable),
    })
}

/// Ends the session and its connections.
pub(super) async fn leave(State(pages): State<Pages>, submission: Submission<User>) -> Response {
    let cookie = pages.sessions().end(&submission.session);
    submission.session.user.hub.close().await;
    ([(SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}
