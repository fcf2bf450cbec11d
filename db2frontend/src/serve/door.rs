//! Logging in and out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use cds_hub::{HubOptions, reach};
use web_pages::{Anonymous, Notice, Page, Site, Submission};

use super::site::{Pages, User};

/// The role that all pages work as; who logs in must be it, or a member of it.
const ROLE: &str = "db2frontend_user";

/// The log-in.
pub(super) async fn form(State(pages): State<Pages>) -> Page {
    log_in(&pages, None)
}

fn log_in(pages: &Pages, notice: Option<Notice>) -> Page {
    web_pages::log_in(pages, "Name", notice)
}

/// Lets somebody in whose name and password the hub takes.
pub(super) async fn enter(State(pages): State<Pages>, form: Anonymous) -> Response {
    let refuse = |status, words: &str| {
        log_in(&pages, Some(Notice::Bad(words.to_owned())))
            .status(status)
            .into_response()
    };
    let name = form.get("name").trim().to_owned();
    let pause = pages.attempts.wait(&name);
    if !pause.is_zero() {
        return refuse(StatusCode::TOO_MANY_REQUESTS, &web_pages::log_in::wait(pause));
    }
    match is_known(&pages.login, &name, form.get("password")).await {
        Some(true) => {}
        Some(false) => {
            pages.attempts.failed(&name);
            tracing::warn!("a log-in failed");
            return refuse(
                StatusCode::UNAUTHORIZED,
                "Name or password is wrong, or the name may not use these pages.",
            );
        }
        None => {
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "The hub does not answer. Try again later.",
            );
        }
    }
    pages.attempts.succeeded(&name);
    match pages.sessions().begin(User { name }) {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(_) => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "No session could be started. Try again later.",
        ),
    }
}

/// Ends the session.
pub(super) async fn leave(State(pages): State<Pages>, submission: Submission<User>) -> Response {
    let cookie = pages.sessions().end(&submission.session);
    ([(SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}

/// Whether the hub lets this role in with this password, and it is a member of the frontend's; `None` where the hub does not
/// answer.
async fn is_known(login: &HubOptions, name: &str, password: &str) -> Option<bool> {
    let options = HubOptions {
        connections: 1,
        ..login.clone()
    };
    let Some(hub) = reach::log_in(&options, name, password).await.ok()? else {
        return Some(false);
    };
    let member = sqlx::query_scalar("SELECT pg_has_role(current_user, $1::name, 'MEMBER')")
        .bind(ROLE)
        .fetch_one(hub.pool())
        .await
        .ok();
    hub.close().await;
    member
}
